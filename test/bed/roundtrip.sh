# A round-trip time for kernels without netem: a network namespace joined to this one by two
# TUN devices and a relay (rtt/main.go) that holds each packet. From the namespace every port of the
# bed is reached at 10.77.0.1, at its own number.

SPACE=mailseal-bed
NEAR=mailseal0 # the device on our side
FAR=mailseal1  # the device in the namespace
TABLE=mailseal_bed
HOST=10.77.0.1
GUEST=10.77.0.2

rtt_up() { # MILLISECONDS there and back
  case $1 in '' | *[!0-9]*) say "rtt up wants whole milliseconds, not \"$1\""; exit 2 ;; esac
  [ "$(id -u)" = 0 ] || unavailable "a network namespace needs root"
  [ -c /dev/net/tun ] || unavailable "there is no /dev/net/tun: the kernel or the container does not give TUN devices"
  command -v ip >/dev/null || unavailable "ip is not installed (Debian's iproute2)"
  command -v nft >/dev/null || unavailable "nft is not installed (Debian's nftables)"
  command -v go >/dev/null || unavailable "go is not installed: it builds the relay"
  mkdir -p "$BED/run" "$BED/log" "$BED/rtt" || die "cannot make $BED/rtt"
  rtt_down
  (cd "$HERE/rtt" && go build -o "$BED/rtt/relay" .) || die "building the relay failed"
  ip netns add "$SPACE" || unavailable "ip netns does not work here (see the line above)"
  : >"$BED/log/rtt.log"
  NAME=rtt background "$BED/rtt/relay" -delay "$1ms" "$NEAR" "$FAR"
  local tick
  for ((tick = 0; tick < 100; tick++)); do
    [ -e "/sys/class/net/$NEAR" ] && [ -e "/sys/class/net/$FAR" ] && break
    sleep 0.05
  done
  if ! join; then
    tail -n 5 "$BED/log/rtt.log" >&2
    rtt_down
    unavailable "the two ends could not be joined (see the lines above)"
  fi
  say "round trip of $1 ms: bed rtt exec CMD..., the bed is at $HOST"
}

join() {
  ip link set "$FAR" netns "$SPACE" &&
    ip addr add "$HOST/30" dev "$NEAR" &&
    ip link set "$NEAR" up &&
    ip -n "$SPACE" link set lo up &&
    ip -n "$SPACE" addr add "$GUEST/30" dev "$FAR" &&
    ip -n "$SPACE" link set "$FAR" up &&
    # The servers listen on loopback only: what comes for 10.77.0.1 is sent on to 127.0.0.1.
    echo 1 >"/proc/sys/net/ipv4/conf/$NEAR/route_localnet" &&
    nft -f - <<E
table ip $TABLE {
  chain arriving {
    type nat hook prerouting priority -100;
    iifname "$NEAR" tcp dport 10000-19999 dnat to $ADDRESS;
  }
}
E
}

rtt_down() {
  stop rtt
  if command -v nft >/dev/null && nft list table ip "$TABLE" >/dev/null 2>&1; then nft delete table ip "$TABLE"; fi
  [ ! -e "/run/netns/$SPACE" ] || ip netns del "$SPACE"
  # With its relay the device goes by itself, a moment later.
  ip link del "$NEAR" 2>/dev/null
  return 0
}

rtt_exec() {
  [ $# -gt 0 ] || usage
  [ -e "/run/netns/$SPACE" ] || die "no round trip is up: say bed rtt up MS first"
  exec ip netns exec "$SPACE" "$@"
}
