# prosody: XMPP for clients and for servers, each with STARTTLS and through TLS.
packages="prosody"
programs="/usr/bin/prosody"

ports() {
  row 18222 xmpp-client starttls xmpp "domain mail.example.test"
  row 18223 xmpp-client implicit - "domain mail.example.test"
  row 18269 xmpp-server starttls xmpp-server "domain mail.example.test"
  row 18270 xmpp-server implicit - "domain mail.example.test"
}

start() {
  give prosody
  mkdir -p "$DIR/data"
  cat >"$DIR/prosody.cfg.lua" <<E
daemonize = false
pidfile = "$DIR/prosody.pid"
data_path = "$DIR/data"
log = { info = "$DIR/prosody.log" }
interfaces = { "$ADDRESS" }
c2s_ports = { 18222 }
s2s_ports = { 18269 }
c2s_direct_tls_ports = { 18223 }
s2s_direct_tls_ports = { 18270 }
http_ports = {}
https_ports = {}
admin_users = {}
modules_enabled = { "roster", "saslauth", "tls", "disco" }
c2s_require_encryption = true
authentication = "internal_hashed"
ssl = { certificate = "$DIR/cert.pem", key = "$DIR/key.pem" }
c2s_direct_tls_ssl = { certificate = "$DIR/cert.pem", key = "$DIR/key.pem" }
s2s_direct_tls_ssl = { certificate = "$DIR/cert.pem", key = "$DIR/key.pem" }
VirtualHost "mail.example.test"
VirtualHost "localhost"
E
  chown -R prosody "$DIR"
  background setpriv --reuid=prosody --regid=prosody --clear-groups env HOME="$DIR" PROSODY_CFGDIR="$DIR" \
    /usr/bin/prosody --config "$DIR/prosody.cfg.lua" -F
}
