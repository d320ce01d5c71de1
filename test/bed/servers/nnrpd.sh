# nnrpd, the reader server of inn2: NNTP with STARTTLS, and through TLS. Unpacked only: to
# install it would set up a news server.
unpacked="inn2 inn2-inews" # the second holds libinn
news=$PACKAGES/x/inn2/usr/lib/news
programs="$news/bin/nnrpd"

ports() {
  row 18119 nntp starttls nntp ""
  row 18563 nntps implicit - ""
}

start() {
  local place
  for place in db etc spool overview run log tmp; do mkdir -p "$DIR/$place"; done
  give news
  for place in active newsgroups active.times history history.dir history.pag history.hash history.index; do
    : >"$DIR/db/$place"
  done
  cat >"$DIR/etc/inn.conf" <<E
mta: "/bin/true"
organization: bed
domain: example.test
fromhost: mail.example.test
pathhost: mail.example.test
runasuser: news
runasgroup: news
pathnews: $news
patharticles: $DIR/spool
pathdb: $DIR/db
pathetc: $DIR/etc
pathlog: $DIR/log
pathrun: $DIR/run
pathspool: $DIR/spool
pathtmp: $DIR/tmp
pathbin: $news/bin
pathfilter: $news/bin/filter
hismethod: hisv6
enableoverview: true
ovmethod: tradindexed
pathoverview: $DIR/overview
tlscertfile: $DIR/cert.pem
tlskeyfile: $DIR/key.pem
tlscapath: $DIR/etc
tlscafile: $CERTS/ca.pem
E
  cat >"$DIR/etc/readers.conf" <<E
auth "all" {
    hosts: "*"
    default: "<any>"
}
access "all" {
    users: "*"
    newsgroups: "*"
}
E
  printf 'method trash {\n newsgroups: *\n class: 0\n}\n' >"$DIR/etc/storage.conf"
  # An empty tradindexed index: magic, 16384 empty slots, an empty list of free ones.
  [ -e "$DIR/overview/group.index" ] || perl -e 'print pack("L", 0x0E0F0CC2), pack("l", -1) x 16385' >"$DIR/overview/group.index"
  chown -R news:news "$DIR"
  local run="env LD_LIBRARY_PATH=$(libraries_of $unpacked) INNCONF=$DIR/etc/inn.conf setpriv --reuid=news --regid=news --clear-groups $news/bin/nnrpd"
  background $run -D -f -p 18119 -b "$ADDRESS"
  background $run -D -f -S -p 18563 -b "$ADDRESS"
}
