# vsftpd: FTP with AUTH TLS, and through TLS.
packages="vsftpd"
programs="/usr/sbin/vsftpd"

ports() {
  row 18021 ftp starttls ftp ""
  row 18990 ftps implicit - ""
}

start() {
  give root
  mkdir -p "$DIR/empty"
  configuration 18021 NO >"$DIR/ftp.conf"
  configuration 18990 YES >"$DIR/ftps.conf"
  background /usr/sbin/vsftpd "$DIR/ftp.conf"
  background /usr/sbin/vsftpd "$DIR/ftps.conf"
}

configuration() { # PORT IMPLICIT
  cat <<E
listen=YES
listen_address=$ADDRESS
listen_port=$1
implicit_ssl=$2
background=NO
anonymous_enable=YES
anon_root=$DIR/empty
local_enable=NO
ssl_enable=YES
rsa_cert_file=$DIR/cert.pem
rsa_private_key_file=$DIR/key.pem
secure_chroot_dir=$DIR/empty
xferlog_enable=NO
require_ssl_reuse=NO
max_per_ip=0
seccomp_sandbox=NO
E
}
