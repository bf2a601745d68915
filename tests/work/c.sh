# SPDX-License-Identifier: MIT
# shellcheck shell=bash
mkdir -p c && cd c || exit
printf 'int twice(int x) { return 2 * x; }\n' >twice.c
printf '#include <stdio.h>\nint twice(int);\nint main(void)\n{\n\tprintf("%%d\\n", twice(21));\n\treturn 0;\n}\n' >main.c
mkdir -p sub
cat >Makefile <<'END'
all: main libtwice.so
	+$(MAKE) -C sub
main: main.o libtwice.a
	$(CC) -o $@ $^
libtwice.a: twice.o
	ar rcs $@ $^
libtwice.so: twice.c
	$(CC) -shared -fPIC -o $@ $<
END
# The jobs of sub share the tokens of the make above; a make without them would say so.
printf 'all: 1 2 3 4\n1 2 3 4:\n\t+@echo "$(MAKEFLAGS)" | grep -q jobserver && touch $@\n' >sub/Makefile
did "make -j with its job server" sh -c 'make -j3 CFLAGS=-g >log 2>&1; rc=$?; cat log; ! grep -q "jobserver unavailable" log && exit $rc'
did "what was built runs" sh -c 'test "$(./main)" = 42'
printf 'cmake_minimum_required(VERSION 3.18)\nproject(p C)\nenable_testing()\nadd_library(twice SHARED twice.c)\nadd_executable(m main.c)\ntarget_link_libraries(m twice)\nadd_test(NAME m COMMAND m)\n' >CMakeLists.txt
did "cmake" cmake -S . -B b
did "cmake --build" cmake --build b -j 3
did "ctest" sh -c 'cd b && ctest'
did "gdb: break, back trace, go on" sh -c 'gdb -q -nx -batch -ex "break twice" -ex run -ex bt -ex finish -ex c ./main >log 2>&1; cat log; grep -q "exited normally" log && grep -q "in main" log'
did "gdb: attach" sh -c 'sleep 60 & gdb -q -nx -batch -p $! -ex bt; rc=$?; kill $!; exit $rc'
