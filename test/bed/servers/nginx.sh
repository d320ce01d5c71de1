# nginx: HTTPS, and a proxy for SMTP, POP3 and IMAP that refuses every login.
packages="nginx-core libnginx-mod-mail"
programs="/usr/sbin/nginx /usr/lib/nginx/modules/ngx_mail_module.so"

ports() {
  row 16443 https implicit - "HTTP/2 too, HSTS, /.well-known/mta-sts.txt, RSA and ECDSA"
  row 16080 http clear - "answers the mail proxy's question about logins"
  row 16025 smtp starttls smtp "mail proxy, offers AUTH in clear"
  row 16110 pop3 starttls pop3 "mail proxy"
  row 16143 imap starttls imap "mail proxy"
  row 16465 submissions implicit - "mail proxy"
  row 16995 pop3s implicit - "mail proxy"
  row 16993 imaps implicit - "mail proxy"
}

start() {
  mkdir -p "$DIR/tmp"
  cat >"$DIR/nginx.conf" <<E
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
user www-data;
worker_processes 1;
daemon off;
pid $DIR/nginx.pid;
error_log $DIR/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path $DIR/tmp/body;
  proxy_temp_path $DIR/tmp/proxy;
  fastcgi_temp_path $DIR/tmp/fastcgi;
  uwsgi_temp_path $DIR/tmp/uwsgi;
  scgi_temp_path $DIR/tmp/scgi;
  ssl_certificate $CERTS/rsa.pem;
  ssl_certificate_key $CERTS/rsa.key;
  ssl_certificate $CERTS/ec.pem;
  ssl_certificate_key $CERTS/ec.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  server {
    listen $ADDRESS:16443 ssl http2;
    server_name mail.example.test;
    default_type text/plain;
    add_header Strict-Transport-Security "max-age=31536000";
    location = /.well-known/mta-sts.txt { return 200 "version: STSv1\nmode: enforce\nmx: mail.example.test\nmax_age: 86400\n"; }
    location / { return 200 "ok\n"; }
  }
  server {
    listen $ADDRESS:16080;
    location / {
      add_header Auth-Status "Invalid login";
      return 200;
    }
  }
}
mail {
  server_name mail.example.test;
  auth_http $ADDRESS:16080/auth;
  ssl_certificate $CERTS/rsa.pem;
  ssl_certificate_key $CERTS/rsa.key;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  smtp_auth login plain;
  pop3_auth plain;
  imap_auth login plain;
  server { listen $ADDRESS:16025; protocol smtp; starttls on; }
  server { listen $ADDRESS:16110; protocol pop3; starttls on; }
  server { listen $ADDRESS:16143; protocol imap; starttls on; }
  server { listen $ADDRESS:16465 ssl; protocol smtp; }
  server { listen $ADDRESS:16993 ssl; protocol imap; }
  server { listen $ADDRESS:16995 ssl; protocol pop3; }
}
E
  background /usr/sbin/nginx -c "$DIR/nginx.conf" -p "$DIR"
}
