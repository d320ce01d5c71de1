# Certificates of the bed: a root, an intermediate, and leaves for mail.example.test of many
# kinds, the bad ones bad on purpose. NAME.key and NAME.crt are a key and its certificate alone,
# NAME.pem is the certificate with its intermediate.

NAMES="subjectAltName=DNS:mail.example.test,DNS:*.mx.example.test,DNS:localhost,IP:127.0.0.1,IP:10.77.0.1"

# certificates makes them, unless they are there and younger than five days (the OCSP answer
# lives seven). While servers run their certificates stay.
certificates() {
  local name
  if [ -e "$CERTS/.done" ]; then
    [ -n "$(find "$CERTS/.done" -mtime -5)" ] && return 0
    for name in $SERVERS; do alive "$name" && return 0; done
  fi
  rm -rf "$CERTS"
  mkdir -p "$CERTS"
  chmod 755 "$CERTS"
  (set -e; cd "$CERTS"; make_certificates) >"$BED/log/certs.log" 2>&1
}

make_certificates() {
  extensions >ext.cnf
  database >ca.cnf

  authority root "/O=Bed Test/CN=Bed Root CA"
  authority inter "/O=Bed Test/CN=Bed Intermediate CA" root
  cp root.pem ca.pem

  rsa_key rsa
  leaf rsa inter leaf mail.example.test
  ec_key ec P-256
  leaf ec inter leaf mail.example.test
  ec_key ec384 P-384
  leaf ec384 inter leaf mail.example.test
  openssl genpkey -algorithm ed25519 -out ed.key
  leaf ed inter leaf mail.example.test
  openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.key
  leaf pss inter leaf mail.example.test

  rsa_key ca1024 1024
  openssl req -new -x509 -key ca1024.key -sha1 -subj "/CN=Bed Weak CA" -days 3650 -out ca1024.pem
  rsa_key rsa1024 1024
  leaf rsa1024 ca1024 leaf mail.example.test -sha1

  rsa_key wrong
  leaf wrong inter wrong other.example.test
  rsa_key cnonly
  leaf cnonly inter cnonly mail.example.test
  rsa_key staple
  leaf staple inter staple mail.example.test
  rsa_key client
  leaf client inter client bed-client
  openssl req -new -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.pem -subj /CN=mail.example.test -days 90 -addext "$NAMES"

  dated expired "-400 days" "-35 days"
  dated future "+30 days" "+120 days"
  cat rsa.crt root.pem inter.pem >misorder.pem
  ocsp_answer
  long_chain
  openssl dhparam -out dh1024.pem 1024

  rm -f ./*.csr
  chmod 644 ./*.pem ./*.crt ./*.key
  touch .done
}

extensions() {
  cat <<E
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[leaf]
basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
$NAMES
[wrong]
basicConstraints=CA:FALSE
extendedKeyUsage=serverAuth
subjectAltName=DNS:other.example.test
[cnonly]
basicConstraints=CA:FALSE
extendedKeyUsage=serverAuth
[staple]
basicConstraints=CA:FALSE
extendedKeyUsage=serverAuth
tlsfeature=status_request
$NAMES
[client]
basicConstraints=CA:FALSE
extendedKeyUsage=clientAuth
E
}

# The database of `openssl ca`, which alone lets us choose the dates and keeps what OCSP needs.
database() {
  mkdir -p db
  : >db/index
  echo 1000 >db/serial
  cat <<E
[ca]
default_ca=bed
[bed]
dir=$CERTS/db
new_certs_dir=$CERTS/db
database=$CERTS/db/index
serial=$CERTS/db/serial
default_md=sha256
policy=policy
unique_subject=no
[policy]
commonName=supplied
E
}

rsa_key() { openssl genrsa -out "$1.key" "${2:-2048}"; }                            # NAME [BITS]
ec_key() { openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "$1.key"; } # NAME CURVE

authority() { # NAME SUBJECT [ISSUER]
  [ -e "$1.key" ] || rsa_key "$1"
  openssl req -new -key "$1.key" -out "$1.csr" -subj "$2"
  if [ -z "${3:-}" ]; then
    openssl x509 -req -in "$1.csr" -signkey "$1.key" -days 3650 -extfile ext.cnf -extensions ca -out "$1.pem"
  else
    openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -set_serial "0x$(openssl rand -hex 8)" -days 3000 -extfile ext.cnf -extensions ca -out "$1.pem"
  fi
}

leaf() { # NAME ISSUER SECTION COMMON-NAME [OPTION...]
  local name=$1 issuer=$2 section=$3 common=$4
  shift 4
  openssl req -new -key "$name.key" -out "$name.csr" -subj "/CN=$common"
  openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -set_serial "0x$(openssl rand -hex 8)" \
    -days 90 -extfile ext.cnf -extensions "$section" -out "$name.crt" "$@"
  cat "$name.crt" "$issuer.pem" >"$name.pem"
}

dated() { # NAME FROM TO: a leaf with chosen dates, on the RSA key
  cp rsa.key "$1.key"
  openssl req -new -key rsa.key -subj /CN=mail.example.test -out "$1.csr"
  openssl ca -batch -config ca.cnf -cert inter.pem -keyfile inter.key -in "$1.csr" \
    -startdate "$(date -u -d "$2" +%Y%m%d000000Z)" -enddate "$(date -u -d "$3" +%Y%m%d000000Z)" \
    -extfile ext.cnf -extensions leaf -notext -out "$1.crt"
  cat "$1.crt" inter.pem >"$1.pem"
}

ocsp_answer() { # for rsa.crt, signed by its issuer
  openssl ca -config ca.cnf -cert inter.pem -keyfile inter.key -valid rsa.crt
  openssl ocsp -issuer inter.pem -cert rsa.crt -reqout ocsp.req
  openssl ocsp -index db/index -CA inter.pem -rsigner inter.pem -rkey inter.key -reqin ocsp.req -respout ocsp.der -ndays 7
}

long_chain() { # a hundred certificates: a leaf, 98 intermediates, the root
  local i issuer=root
  : >between.pem
  for ((i = 1; i <= 98; i++)); do
    ec_key "chain-$i" P-256
    authority "chain-$i" "/O=Bed Test/CN=Bed Chain $i" "$issuer"
    cat "chain-$i.pem" between.pem >between.new
    mv between.new between.pem
    issuer=chain-$i
  done
  ec_key chain100 P-256
  leaf chain100 "$issuer" leaf mail.example.test
  cat between.pem root.pem >chain100-rest.pem
  cat chain100.crt chain100-rest.pem >chain100.pem
  rm -f chain-*
}
