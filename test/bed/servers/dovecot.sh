# dovecot: IMAP, POP3, ManageSieve, LMTP, submission. User alice, password secret.
packages="dovecot-imapd dovecot-pop3d dovecot-managesieved dovecot-lmtpd dovecot-submissiond"
programs="/usr/sbin/dovecot /usr/lib/dovecot/imap-login /usr/lib/dovecot/pop3-login /usr/lib/dovecot/managesieve-login /usr/lib/dovecot/lmtp /usr/lib/dovecot/submission-login"

ports() {
  row 14143 imap starttls imap "passwords in clear for clients on loopback, RSA and ECDSA; alice, secret"
  row 14993 imaps implicit - "RSA and ECDSA"
  row 14110 pop3 starttls pop3 ""
  row 14995 pop3s implicit - ""
  row 14190 sieve starttls sieve ""
  row 14587 submission starttls smtp "relays to 11025 after login"
  row 14465 submissions implicit - "relays to 11025 after login"
  row 14024 lmtp starttls lmtp ""
  row "unix:$DIR/lmtp.sock" lmtp starttls lmtp ""
}

start() {
  mkdir -p "$DIR/run" "$DIR/state" "$DIR/home"
  chown mail:mail "$DIR/home"
  rm -f "$DIR/run/master.pid"
  echo "alice:{PLAIN}secret:$(id -u mail):$(id -g mail)::$DIR/home/alice" >"$DIR/users"
  {
    case $(/usr/sbin/dovecot --version) in
      2.3.*) version_2_3 ;;
      *) version_2_4 ;;
    esac
    listeners
  } >"$DIR/dovecot.conf"
  background /usr/sbin/dovecot -F -c "$DIR/dovecot.conf"
}

version_2_3() {
  cat <<E
base_dir = $DIR/run
state_dir = $DIR/state
log_path = $DIR/dovecot.log
protocols = imap pop3 sieve lmtp submission
listen = $ADDRESS
ssl = yes
ssl_cert = <$CERTS/rsa.pem
ssl_key = <$CERTS/rsa.key
ssl_alt_cert = <$CERTS/ec.pem
ssl_alt_key = <$CERTS/ec.key
disable_plaintext_auth = yes
hostname = mail.example.test
mail_location = maildir:~/Maildir
first_valid_uid = 1
first_valid_gid = 1
submission_relay_host = $ADDRESS
submission_relay_port = 11025
mail_max_userip_connections = 1000
passdb {
  driver = passwd-file
  args = $DIR/users
}
userdb {
  driver = passwd-file
  args = $DIR/users
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
protocols = imap pop3 sieve lmtp submission
listen = $ADDRESS
ssl = yes
ssl_server {
  cert_file = $CERTS/rsa.pem
  key_file = $CERTS/rsa.key
  alt_cert_file = $CERTS/ec.pem
  alt_key_file = $CERTS/ec.key
}
auth_allow_cleartext = no
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

listeners() {
  cat <<E
service imap-login {
  inet_listener imap {
    port = 14143
  }
  inet_listener imaps {
    port = 14993
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 14110
  }
  inet_listener pop3s {
    port = 14995
    ssl = yes
  }
}
service managesieve-login {
  inet_listener sieve {
    port = 14190
  }
}
service submission-login {
  inet_listener submission {
    port = 14587
  }
  inet_listener submissions {
    port = 14465
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = 14024
  }
  unix_listener $DIR/lmtp.sock {
    mode = 0666
  }
}
E
}
