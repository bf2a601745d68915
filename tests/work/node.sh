# SPDX-License-Identifier: MIT
# shellcheck shell=bash
mkdir -p app && cd app || exit
printf '{"name":"app","version":"1.0.0","scripts":{"t":"tool","test":"node --test"}}\n' >package.json
printf 'registry=https://localhost:8443/npm/\nnodedir=/usr\naudit=false\nfund=false\nfetch-retries=0\ncafile=%s\n' "$NODE_EXTRA_CA_CERTS" >.npmrc
did "npm install from a registry" npm install tool
did "npm run: what it installed" sh -c 'npm run -s t | grep -q "tool works"'
if [ -e /usr/include/node/node_api.h ]; then
	did "npm install: a native module is built" npm install native-sum
	did "it works" node -e 'if (require("native-sum").sum(40, 2) !== 42) process.exit(1)'
else
	echo "skip npm install of a native module: the headers of node are not installed"
fi
did "npm ci" npm ci
printf 'require("node:test")("x", () => {});\n' >x.test.js
did "npm test" npm test
