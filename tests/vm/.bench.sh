t0=$(cut -d' ' -f1 /proc/uptime)
i=0; while [ $i -lt 150 ]; do /bin/true; i=$((i+1)); done
t1=$(cut -d' ' -f1 /proc/uptime)
find /usr/lib /usr/share/doc -type f | wc -l
t2=$(cut -d' ' -f1 /proc/uptime)
cat /usr/bin/* >/dev/null 2>&1
t3=$(cut -d' ' -f1 /proc/uptime)
python3 -c 'import os;os.getrandom(10)
for i in range(300000): os.stat("/etc/passwd") if i%10==0 else 0'
t4=$(cut -d' ' -f1 /proc/uptime)
clang --version >/dev/null
t5=$(cut -d' ' -f1 /proc/uptime)
echo "boot $t0 150 forkexec: $(echo "$t1 - $t0" | bc) find $(echo "$t2 - $t1" | bc)  cat: $(echo "$t3 - $t2" | bc) py: $(echo "$t4 - $t3" | bc) clang $(echo "$t5 - $t4" | bc)"
