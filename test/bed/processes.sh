# Processes of the bed: started in a session of their own, remembered by id and by the time of
# their birth (an id is used again after a reboot), and ended one by one.

# background PROGRAM ARGUMENT...: start it for the server NAME and remember it.
background() {
  setsid "$@" </dev/null >>"$BED/log/$NAME.log" 2>&1 9>&- &
  remember "$NAME" $!
}

remember() { # SERVER PID
  local born
  born=$(born "$2") && echo "$2 $born" >>"$BED/run/$1"
}

# born PID: when it started, in clock ticks since boot. Fails if it is gone, or only a
# zombie that nobody has collected yet.
born() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  set -- ${stat##*) } # what follows the name, which may hold blanks: state, parent, group, session ...
  [ "$1" != Z ] || return 1
  echo "${20}"
}

same() { [ "$(born "$1")" = "$2" ]; } # PID BORN: is it still the process that we started?

alive() { # SERVER: are all of its processes there?
  local pid born
  [ -s "$BED/run/$1" ] || return 1
  while read -r pid born; do
    same "$pid" "$born" || return 1
  done <"$BED/run/$1"
}

# family PID...: these processes, whoever is in their session, and all descendants: "pid born".
family() {
  local -A ours=()
  local pid stat entry grown=1
  for pid in "$@"; do ours[$pid]=1; done
  while [ "$grown" = 1 ]; do
    grown=0
    for entry in /proc/[0-9]*; do
      pid=${entry#/proc/}
      [ -z "${ours[$pid]:-}" ] || continue
      { stat=$(<"$entry/stat"); } 2>/dev/null || continue
      set -- ${stat##*) }
      if [ -n "${ours[$2]:-}" ] || [ -n "${ours[$4]:-}" ]; then
        ours[$pid]=1
        grown=1
      fi
    done
  done
  for pid in "${!ours[@]}"; do
    stat=$(born "$pid") && echo "$pid $stat"
  done
}

# ask_to_stop SERVER: a polite signal to the processes that we started, without waiting. What
# they had started is written down first: an orphan cannot be found any more.
ask_to_stop() {
  local pid born pids=""
  [ -s "$BED/run/$1" ] || return 0
  while read -r pid born; do
    same "$pid" "$born" && pids="$pids $pid"
  done <"$BED/run/$1"
  [ -n "$pids" ] || return 0
  family $pids >"$BED/run/.$1.family"
  kill -TERM $pids 2>/dev/null
  return 0
}

# stop SERVER: ask, wait up to ten seconds, then end whatever is left.
stop() {
  local pid born left tick
  [ -e "$BED/run/$1" ] || return 0
  [ -e "$BED/run/.$1.family" ] || ask_to_stop "$1"
  if [ -e "$BED/run/.$1.family" ]; then
    for ((tick = 0; tick < 100; tick++)); do
      left=""
      while read -r pid born; do
        same "$pid" "$born" && left="$left $pid"
      done <"$BED/run/.$1.family"
      [ -n "$left" ] || break
      # Children that outlive their parent are asked as well, once it had time to do so.
      [ "$tick" = 30 ] && kill -TERM $left 2>/dev/null
      sleep 0.1
    done
    [ -z "$left" ] || kill -KILL $left 2>/dev/null
  fi
  rm -f "$BED/run/$1" "$BED/run/.$1.family"
}
