# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A package whose install script steals: it reads a key, and posts what it has.
mkdir -p planted && cd planted || exit
printf '{"name":"planted","version":"1.0.0"}\n' >package.json
printf 'registry=https://localhost:8443/npm/\naudit=false\nfund=false\nfetch-retries=0\ncafile=%s\n' "$NODE_EXTRA_CA_CERTS" >.npmrc
did "npm install of a package that steals" npm install --foreground-scripts stealer
did "it has run" grep -q started node_modules/stealer/diary
did "it got no key" grep -q "read: EACCES" node_modules/stealer/diary
did "it reached nobody" grep -qE "post: (EACCES|EPERM)" node_modules/stealer/diary
did "the sandbox is told: the key" told "credentials stay outside (clouds and registries)"
did "the sandbox is told: the address" told "may not connect to 203.0.113.9:80/tcp"
