#!/bin/sh
# The example of libpnyx against a real cluster of three on loopback. Usage: test_example.sh PATH-OF-EXAMPLE PATH-OF-LOOPBACK
example=$1 loopback=$2
dir=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

# An address of loopback for this run alone, so that no port can be taken.
net=127.$((80 + $$ % 64)).$(($$ / 64 % 256))
cat >"$dir/conf" <<END
cluster = { id = 0x5eed; name = "example"; };
members = (
  { name = "a"; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a01"; ip = "$net.1"; },
  { name = "b"; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a02"; ip = "$net.2"; },
  { name = "c"; uuid = "3b0a6d50-6b36-4f5b-9e3e-7d4dc6b50a03"; ip = "$net.3"; }
);
replica = { window = 4096; sessions_max = 1024; };
END
"$loopback" "$dir/conf" >"$dir/log" 2>&1 &
pid=$!
until grep -q ready "$dir/log"; do
	kill -0 "$pid" 2>/dev/null || { cat "$dir/log"; exit 1; }
	sleep 0.05
done
"$example" "$net.1,$net.2,$net.3" >"$dir/said" || { cat "$dir/said"; exit 1; }
cat >"$dir/wanted" <<'END'
colour is blue
fruit is apple
tree is oak
1000 of 1000 increments executed, 0 unknown; the counter went from 1 to 1000
END
diff "$dir/wanted" "$dir/said" && echo "test_example: all said as expected"
