-- The centre's register: one row a dispute with how it stands now, one a session, one a referral.
CREATE TABLE 调解登记 (
  登记号 TEXT PRIMARY KEY,
  委员会 TEXT NOT NULL,
  区域编码 TEXT NOT NULL,
  登记时间 TIMESTAMP NOT NULL,
  纠纷简述 TEXT NOT NULL,
  申请人 TEXT,
  申请人电话 TEXT,
  申请人证件 TEXT,
  申请人地址 TEXT,
  被申请人 TEXT,
  协议书编号 TEXT,
  协议时间 TIMESTAMP,
  履行情况 TEXT,
  履行时间 TIMESTAMP,
  办理状态 TEXT NOT NULL,
  更新时间 TIMESTAMP NOT NULL
);
CREATE TABLE 调解会议 (
  登记号 TEXT NOT NULL REFERENCES 调解登记 (登记号),
  次数 INTEGER NOT NULL,
  会议时间 TIMESTAMP NOT NULL,
  会议结果 TEXT,
  PRIMARY KEY (登记号, 次数)
);
CREATE TABLE 移送 (
  移送号 TEXT PRIMARY KEY,
  登记号 TEXT NOT NULL REFERENCES 调解登记 (登记号),
  移送方向 TEXT NOT NULL,
  机关 TEXT NOT NULL,
  移送时间 TIMESTAMP NOT NULL
);
