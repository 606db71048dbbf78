"""A real nginx in a folder of the test's own, in plain and with TLS, that also answers as no API should."""
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess

from hub import wait_until

NGINX = """
user USER; daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events { worker_connections 64; }
http {
  types { application/json json; text/html html; }
  access_log access.log;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  gzip on; gzip_types application/json; gzip_min_length 1; gzip_comp_level 9;
  server {
    listen 127.0.0.1:PORT; root pages;
    location = /away.json { return 302 http://10.0.0.1/posts.json; }
    location = /round.json { return 302 /round.json; }
    location = /down.json { return 500; }
    location = /busy.json { add_header Retry-After 77 always; return 429; }
    location = /login.json { types {} default_type text/html; return 200 "<html>"; }
    location = /slow.json { limit_rate 10; limit_rate_after 1; }
    location = /taken { return 204; }
    location = /moved { return 307 http://10.0.0.1/taken; }
  }
  server {
    listen 127.0.0.1:TLS ssl; root pages;
    ssl_certificate tls.pem; ssl_certificate_key tls.key;
    location = /taken { return 204; }
  }
}
"""


class Nginx:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "pages").mkdir(parents=True)
        with socket.socket() as probe, socket.socket() as other:
            probe.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            self.port, self.tls_port = probe.getsockname()[1], other.getsockname()[1]
        self.make_certificates()
        user = pwd.getpwuid(os.geteuid()).pw_name  # else a worker of root's could not read the folder
        (self.folder / "nginx.conf").write_text(NGINX.replace("PORT", str(self.port)).replace("TLS", str(self.tls_port)).replace("USER", user))
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert program, "nginx is not there: deploy/packages names what the tests need"
        self.process = subprocess.Popen([program, "-p", str(self.folder), "-c", "nginx.conf"], stderr=subprocess.DEVNULL)
        wait_until(self.answers, "nginx answers")

    def make_certificates(self):
        """ca.pem, and tls.pem that it signed for localhost."""
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        (self.folder / "san").write_text("subjectAltName=DNS:localhost")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=An invented authority")
        openssl("req", *key, "-keyout", "tls.key", "-out", "tls.csr", "-subj", "/CN=An invented server")
        openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tls.pem",
                "-days", "2", "-extfile", "san")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def url(self, page):
        return f"http://127.0.0.1:{self.port}/{page}"

    def tls_url(self, page, host="localhost"):
        return f"https://{host}:{self.tls_port}/{page}"

    def ca(self):
        return str(self.folder / "ca.pem")

    def put(self, name, text):
        """All at once, as an editor does."""
        (self.folder / "new").write_text(text)
        os.replace(self.folder / "new", self.folder / "pages" / name)

    def codes(self):
        """Of all answers so far."""
        log = self.folder / "access.log"
        return re.findall(r'" (\d{3}) ', log.read_text()) if log.exists() else []

    def stop(self):
        self.process.terminate()
        self.process.wait()
