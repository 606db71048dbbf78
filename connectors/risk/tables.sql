-- The two tables as the assessment office has them (PostgreSQL; SQLite takes them, too). One row a project, one a risk
-- point; each holds what is true now.
CREATE TABLE 项目 (
  项目编号 TEXT PRIMARY KEY,
  项目名称 TEXT NOT NULL,
  项目概况 TEXT,
  区域编码 TEXT NOT NULL,
  登记时间 TIMESTAMP NOT NULL,
  评估状态 TEXT NOT NULL,
  评估结论 TEXT,
  修订 INTEGER NOT NULL DEFAULT 1,
  更新时间 TIMESTAMP NOT NULL
);
CREATE TABLE 风险点 (
  项目编号 TEXT NOT NULL REFERENCES 项目 (项目编号),
  风险点编号 TEXT NOT NULL,
  风险内容 TEXT NOT NULL,
  风险等级 TEXT NOT NULL,
  化解状态 TEXT NOT NULL,
  责任单位 TEXT,
  更新时间 TIMESTAMP NOT NULL,
  PRIMARY KEY (项目编号, 风险点编号)
);
