# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Without a module proxy: what is not here is not needed.
export GOFLAGS=-mod=mod GOPROXY=off
mkdir -p g/greet && cd g || exit
printf 'module example.org/g\n\ngo 1.18\n' >go.mod
printf 'package greet\n\nfunc Hello(name string) string { return "go works, " + name }\n' >greet/greet.go
printf 'package greet\n\nimport "testing"\n\nfunc TestHello(t *testing.T) {\n\tif Hello("x") != "go works, x" {\n\t\tt.Fatal(Hello("x"))\n\t}\n}\n' \
	>greet/greet_test.go
printf 'package main\n\nimport "example.org/g/greet"\n\nfunc main() { println(greet.Hello("you")) }\n' >main.go
did "go keeps its caches in the sandbox" sh -c \
	'go env GOCACHE GOMODCACHE GOPATH >said && test "$(grep -c "^$TMPDIR/" said)" = 3'
did "go build" go build -o hello .
did "what was built runs" sh -c './hello 2>&1 | grep -q "go works, you"'
did "go test" go test ./...
did "go vet" go vet ./...
did "gofmt" sh -c 'test -z "$(gofmt -l .)"'
