# dovecot-auth: a dovecot with every mechanism that its version has, for the tests of logins.
# Users, with passwords stored in clear, as CRAM-MD5 and APOP need it:
#   alice                secret
#   wël,l=known user     Öffne dich, Sesam
# EXTERNAL takes the common name of a client certificate (client.crt: bed-client), XOAUTH2 and
# OAUTHBEARER a JSON web token signed with the text in token.key (HS256), ANONYMOUS anybody.
packages="dovecot-imapd dovecot-pop3d dovecot-managesieved dovecot-submissiond"
programs="/usr/sbin/dovecot /usr/lib/dovecot/imap-login /usr/lib/dovecot/pop3-login /usr/lib/dovecot/managesieve-login /usr/lib/dovecot/submission-login"

ports() {
  row 14243 imap starttls imap "every mechanism; alice, secret"
  row 14293 imaps implicit - "every mechanism"
  row 14210 pop3 starttls pop3 "every mechanism, APOP"
  row 14290 sieve starttls sieve "every mechanism"
  row 14287 submission starttls smtp "every mechanism; relays to 11025 after login"
}

start() {
  mkdir -p "$DIR/run" "$DIR/state" "$DIR/home"
  chown mail:mail "$DIR/home"
  rm -f "$DIR/run/master.pid"
  local owner
  owner=$(id -u mail):$(id -g mail)
  {
    echo "alice:{PLAIN}secret:$owner::$DIR/home/alice"
    echo "wël,l=known user:{PLAIN}Öffne dich, Sesam:$owner::$DIR/home/well"
  } >"$DIR/users"
  {
    case $(/usr/sbin/dovecot --version) in
      2.3.*) tokens; version_2_3 ;;
      *) version_2_4 ;;
    esac
    listeners
  } >"$DIR/dovecot.conf"
  background /usr/sbin/dovecot -F -c "$DIR/dovecot.conf"
}

# tokens makes the key by which the server knows its tokens: as text for the tests, and as
# dovecot reads it.
tokens() {
  mkdir -p "$DIR/keys/default/HS256"
  [ -s "$DIR/token.key" ] || openssl rand -hex 32 >"$DIR/token.key"
  tr -d '\n' <"$DIR/token.key" | openssl base64 -A >"$DIR/keys/default/HS256/default"
  cat >"$DIR/oauth2.conf" <<E
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$DIR/keys/
username_attribute = sub
E
}

version_2_3() {
  cat <<E
base_dir = $DIR/run
state_dir = $DIR/state
log_path = $DIR/dovecot.log
protocols = imap pop3 sieve submission
listen = $ADDRESS
ssl = yes
ssl_cert = <$CERTS/rsa.pem
ssl_key = <$CERTS/rsa.key
ssl_ca = <$CERTS/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
disable_plaintext_auth = yes
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 apop external anonymous xoauth2 oauthbearer
auth_ssl_username_from_cert = yes
auth_username_chars =
auth_failure_delay = 0
hostname = mail.example.test
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
submission_relay_host = $ADDRESS
submission_relay_port = 11025
mail_max_userip_connections = 1000
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $DIR/oauth2.conf
}
passdb {
  driver = static
  mechanisms = external
  args = nopassword
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 apop
  args = username_format=%u $DIR/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$DIR/home/%u
}
E
}

version_2_4() {
  cat <<E
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
base_dir = $DIR/run
state_dir = $DIR/state
log_path = $DIR/dovecot.log
protocols = imap pop3 sieve submission
listen = $ADDRESS
ssl = yes
ssl_server {
  cert_file = $CERTS/rsa.pem
  key_file = $CERTS/rsa.key
}
auth_allow_cleartext = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_username_chars =
auth_failure_delay = 0
hostname = mail.example.test
mail_driver = maildir
mail_path = ~/Maildir
first_valid_uid = 1
first_valid_gid = 1
submission_relay_host = $ADDRESS
submission_relay_port = 11025
mail_max_userip_connections = 1000
passdb passwd-file {
  passwd_file_path = $DIR/users
}
userdb passwd-file {
  passwd_file_path = $DIR/users
}
E
}

# Without the penalty for failed logins, which grows to 15 seconds.
listeners() {
  cat <<E
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = 14243
  }
  inet_listener imaps {
    port = 14293
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 14210
  }
  inet_listener pop3s {
    port = 0
  }
}
service managesieve-login {
  inet_listener sieve {
    port = 14290
  }
}
service submission-login {
  inet_listener submission {
    port = 14287
  }
  inet_listener submissions {
    port = 0
  }
}
E
}
