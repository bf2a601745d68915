# SPDX-License-Identifier: MIT
# shellcheck shell=bash
mkdir -p g && cd g || exit
printf 'module example.org/g\n\ngo 1.18\n' >go.mod
printf 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("go works") }\n' >main.go
printf 'package main\n\nimport "testing"\n\nfunc TestX(t *testing.T) {}\n' >main_test.go
did "go build" go build -o g .
did "what was built runs" sh -c './g | grep -q "go works"'
did "go test" go test ./...
