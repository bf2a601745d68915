# SPDX-License-Identifier: MIT
# shellcheck shell=bash
did "a database with a write-ahead log" sh -c 'sqlite3 x.db "pragma journal_mode=wal; create table t (a); insert into t values (1); select * from t" | tail -n 1 | grep -qx 1'
did "a second program reads it" sh -c '/usr/bin/python3 -c "import sqlite3; assert sqlite3.connect(\"x.db\").execute(\"select a from t\").fetchone() == (1,)"'
did "backup and vacuum" sh -c 'sqlite3 x.db ".backup y.db" vacuum && sqlite3 y.db .dump | grep -q "INSERT INTO t"'
