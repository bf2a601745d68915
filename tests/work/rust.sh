# SPDX-License-Identifier: MIT
# shellcheck shell=bash
PATH=/opt/rust/bin:$PATH
did "cargo new" cargo new -q --vcs none hello
cd hello || exit
did "cargo build" cargo build -q --offline
did "what was built runs" sh -c './target/debug/hello | grep -q Hello'
did "cargo test" cargo test -q --offline
