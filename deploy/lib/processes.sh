# shellcheck shell=bash disable=SC2154
# The processes of one data folder ($data). Sourced by deploy/up and deploy/down.
#
# $data/pids/NAME holds "PID START": the process, and when it started (clock ticks since boot, /proc/PID/stat). A pid
# that the system has given to somebody else meanwhile has another START, and is left alone.

stop_seconds=15

# started_at PID: fails when there is no such process, or only its zombie.
started_at() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -r -a fields <<<"${stat##*) }" # behind the program's name, which may hold anything
    [ "${fields[0]}" != Z ] && echo "${fields[19]}"
}

# pid_of NAME: fails when it does not run.
pid_of() {
    local pid start
    read -r pid start 2>/dev/null <"$data/pids/$1" || return 1
    [ "$(started_at "$pid")" = "$start" ] && echo "$pid"
}

is_running() {
    pid_of "$1" >/dev/null
}

# launch NAME OUTPUT COMMAND...: in the background, in a session of its own; what it says goes to log/NAME.log.
launch() {
    local name=$1 output=$2 pid start
    shift 2
    setsid "$@" </dev/null >>"$output" 2>>"$data/log/$name.log" 9>&- &
    pid=$!
    start=$(started_at "$pid") || return 1
    echo "$pid $start" >"$data/pids/.$name" && mv "$data/pids/.$name" "$data/pids/$name"
}

# await SECONDS COMMAND...: until the command succeeds.
await() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.1
    done
}

has_ended() {
    ! is_running "$1"
}

# stop NAME...: all at once; asks first, and ends by force who has not gone after $stop_seconds.
stop() {
    local name pid
    for name in "$@"; do
        if pid=$(pid_of "$name"); then
            kill -TERM "$pid" 2>/dev/null || true
        fi
    done
    for name in "$@"; do
        if ! await $stop_seconds has_ended "$name" && pid=$(pid_of "$name"); then
            echo "$name does not stop: killed"
            kill -KILL "$pid" 2>/dev/null || true
            await 5 has_ended "$name" || true
        fi
        rm -f "$data/pids/$name"
    done
}

# The names of $data/pids that begin with PREFIX.
names() {
    local file
    for file in "$data/pids/$1"*; do
        [ ! -f "$file" ] || basename "$file"
    done
}
