# MariaDB: the handshake's SSLRequest. User alice, password secret.
packages="mariadb-server"
programs="/usr/sbin/mariadbd /usr/bin/mariadb-install-db"

ports() {
  row 18306 mysql starttls mysql "MariaDB; alice, secret"
}

start() {
  give mysql
  chown mysql "$DIR"
  [ -d "$DIR/data/mysql" ] || mariadb-install-db --no-defaults --user=mysql --datadir="$DIR/data" --skip-test-db
  # Without a user for 127.0.0.1 the server answers with an error instead of its handshake.
  echo "CREATE USER IF NOT EXISTS 'alice'@'%' IDENTIFIED BY 'secret';" >"$DIR/init.sql"
  background /usr/sbin/mariadbd --no-defaults --user=mysql --datadir="$DIR/data" --bind-address="$ADDRESS" --port=18306 \
    --socket="$DIR/socket" --pid-file="$DIR/pid" --init-file="$DIR/init.sql" --ssl-cert="$DIR/cert.pem" --ssl-key="$DIR/key.pem" --ssl-ca="$CERTS/ca.pem" \
    --max-connect-errors=1000000 --skip-name-resolve --innodb-buffer-pool-size=16M --max-connections=300
}
