# What the servers need from Debian. Some packages conflict with each other (exim4 with
# postfix, proftpd with vsftpd, cyrus-imapd with dovecot); of those one is installed and the other
# only unpacked below $PACKAGES/x, with its libraries installed.

# Beside the servers: openssl makes certificates, nftables and iproute2 make the round trip,
# perl writes nnrpd's empty overview, the C compiler is for Go's race detector; curl is an oracle for the lab,
# zsh, fish and mandoc read the completions and man pages that we write.
TOOLS="openssl ca-certificates nftables iproute2 perl util-linux gcc libc6-dev curl zsh fish mandoc"

install() {
  [ "$(id -u)" = 0 ] || { report_lacking; unavailable "installing packages needs root"; }
  command -v apt-get >/dev/null || { report_lacking; unavailable "there is no apt-get: this is not Debian"; }
  export DEBIAN_FRONTEND=noninteractive
  mkdir -p "$PACKAGES/debs" "$PACKAGES/x" "$BED/log" || die "cannot make $PACKAGES"
  local log=$BED/log/apt.log
  : >"$log"
  make_users
  local name wanted=$TOOLS unpack=""
  for name in $SERVERS; do
    wanted="$wanted $(with "$name" show packages)"
    unpack="$unpack $(with "$name" show unpacked)"
  done
  wanted=$(absent $wanted)
  unpack=$(folded $unpack)
  if [ -z "$wanted" ] && [ -z "$unpack" ]; then
    report_lacking
    return
  fi
  say "installing: $(echo $wanted) unpacking: $(echo $unpack)"
  quietly_installing "$log" "$wanted" "$unpack"
  report_lacking
}

# make_users: those that a package which is only unpacked would have made, and without which its
# server does not start.
make_users() {
  local name user
  for name in $SERVERS; do
    for user in $(with "$name" show users); do
      id "$user" >/dev/null 2>&1 ||
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --user-group "$user" || say "cannot make user $user"
    done
  done
}

# quietly_installing runs apt while a policy-rc.d of ours forbids that a service starts;
# afterwards the machine's own is back, or none, as before.
quietly_installing() {
  hold_services
  trap release_services EXIT
  trap 'exit 130' INT TERM HUP
  apt update >>"$1" 2>&1 || say "apt-get update failed, going on with what is known: see $1"
  install_packages "$1" $2
  unpack_packages "$1" $3
  release_services
  trap - EXIT INT TERM HUP
}

apt() {
  apt-get -qq -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

POLICY=/usr/sbin/policy-rc.d

hold_services() {
  # A copy that is there already is from a run that was cut short: it is the true one.
  if [ -e "$POLICY" ] && [ ! -e "$POLICY.mailseal-bed" ] && ! grep -q mailseal-bed "$POLICY"; then
    mv "$POLICY" "$POLICY.mailseal-bed"
  fi
  printf '#!/bin/sh\n# mailseal-bed: no service starts while the test bed installs packages.\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
}

release_services() {
  rm -f "$POLICY"
  [ ! -e "$POLICY.mailseal-bed" ] || mv "$POLICY.mailseal-bed" "$POLICY"
}

# All at once is quick. If that fails one by one, so that one bad package does not cost us the
# others. --no-remove: we never take something away from this machine.
install_packages() {
  local log=$1 package
  shift
  [ $# -gt 0 ] || return 0
  # Without this, postfix's installation writes a configuration for this machine.
  echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections >>"$log" 2>&1
  apt install -y --no-install-recommends --no-remove "$@" >>"$log" 2>&1 && return
  for package in "$@"; do
    apt install -y --no-install-recommends --no-remove "$package" >>"$log" 2>&1 || say "apt-get install $package failed: see $log"
  done
}

unpack_packages() {
  local log=$1 package deb libraries
  shift
  cd "$PACKAGES/debs" || return
  for package in "$@"; do
    rm -f "${package}"_*.deb
    apt download "$package" >>"$log" 2>&1
    deb=$(ls "${package}"_*.deb 2>/dev/null | tail -n 1)
    if [ -z "$deb" ]; then
      say "apt-get download $package failed: see $log"
      continue
    fi
    libraries=$(absent $(libraries "$deb"))
    [ -z "$libraries" ] || install_packages "$log" $libraries
    rm -rf "$PACKAGES/x/$package.new"
    # Nothing that is set-uid may lie around where anybody can run it.
    dpkg-deb -x "$deb" "$PACKAGES/x/$package.new" && chmod -R u-s,g-s "$PACKAGES/x/$package.new" && mv "$PACKAGES/x/$package.new" "$PACKAGES/x/$package"
  done
  cd "$HERE" || return
}

# libraries DEB: the libraries that it depends on, the first of alternatives.
libraries() {
  dpkg-deb -W --showformat='${Pre-Depends},${Depends}\n' "$1" | tr ',' '\n' |
    sed 's/|.*//; s/(.*//; s/:any//; s/ //g' | grep '^lib' | sort -u
}

absent() { # PACKAGE...: those that are not installed
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done | sort -u
}

folded() { # PACKAGE...: those that are not unpacked
  local package
  for package in "$@"; do
    [ -d "$PACKAGES/x/$package" ] || echo "$package"
  done | sort -u
}

report_lacking() { # one line for each server that cannot run
  local name lack all=1
  for name in $SERVERS; do
    lack=$(lacking "$name" | tr '\n' ' ')
    if [ -z "$lack" ]; then all=0; else say "$name: not installed: $lack"; fi
  done
  return "$all"
}

# libraries_of PACKAGE...: where an unpacked package keeps its own shared libraries.
libraries_of() {
  local package
  for package in "$@"; do
    find "$PACKAGES/x/$package" -name '*.so*' -printf '%h\n' 2>/dev/null
  done | sort -u | tr '\n' ':'
}
