# PostgreSQL: SSLRequest; since version 17 also TLS at once.
packages="postgresql"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
programs="${bin:-/usr/lib/postgresql}/postgres"

ports() {
  row 18432 postgres starttls postgres "SSLRequest"
}

start() {
  mkdir -p "$DIR"
  give postgres
  chown postgres "$DIR"
  local as="setpriv --reuid=postgres --regid=postgres --clear-groups"
  [ -e "$DIR/data/PG_VERSION" ] || $as "$bin/initdb" -D "$DIR/data" -A trust --no-sync
  background $as "$bin/postgres" -D "$DIR/data" -c listen_addresses="$ADDRESS" -c port=18432 \
    -c unix_socket_directories="$DIR" -c ssl=on -c ssl_cert_file="$DIR/cert.pem" -c ssl_key_file="$DIR/key.pem" \
    -c shared_buffers=16MB -c max_connections=200
}
