# SPDX-License-Identifier: MIT
# shellcheck shell=bash
did "an MCP server over stdio inside" /usr/bin/python3 .work/mcp.py ask-stdio
did "an MCP server on localhost outside" /usr/bin/python3 .work/mcp.py ask-http http://localhost:8124/mcp
