# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Packages of node come in from a registry, and nothing else changes.
cd app || exit
did "npm install, of packages that meddle and steal, too" npm install --foreground-scripts tool meddler stealer
did "npm run: what it installed" sh -c 'npm run -s t | grep -q "tool works"'
did "what they keep for themselves" sh -c 'grep -q "own: done" node_modules/meddler/diary && grep -q started node_modules/stealer/diary'
did "they changed no source" grep -q "source: EACCES" node_modules/meddler/diary
did "they set no hook" grep -q "hook: EACCES" node_modules/meddler/diary
did "they got no key" grep -q "read: EACCES" node_modules/stealer/diary
did "they reached nobody" grep -qE "post: (EACCES|EPERM)" node_modules/stealer/diary
did "the sandbox is told: the source" told "an installation changes nothing but the packages and their lists"
did "the sandbox is told: the key" told "credentials stay outside (clouds and registries)"
