#!/bin/sh
# Makes every bundle of this folder anew: good ones, and one folder for each mistake that `portcullis cert check` knows.
#
# Everything is made in a scratch folder and put in place at the end, so that a run that fails changes nothing.
# The keys are worth nothing: they are published here. Needs openssl 3; takes some seconds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir authorities good mistakes

# Servers' certificates of these examples are issued and run out here; tests judge them at 2026-12-01.
issued=20261101000000Z
ends=20270430235959Z
ca_issued=20260101000000Z
ca_ends=20460101000000Z

cat > ca.cnf <<'CONF'
[ca]
default_ca = any
[any]
new_certs_dir = .
database = index
unique_subject = no
rand_serial = yes
policy = policy
default_md = sha256
copy_extensions = none
[policy]
organizationName = optional
commonName = supplied
[req]
distinguished_name = name
[name]
CONF

# key FILE [rsa|rsa1024|ec|ed25519]
key() {
    case ${2:-ec} in
        rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" 2> /dev/null ;;
        rsa1024) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$1" 2> /dev/null ;;
        ed25519) openssl genpkey -algorithm ED25519 -out "$1" ;;
        *) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" ;;
    esac
}

# issue OUT KEY SUBJECT EXTENSIONS FROM TO ISSUER-CERT ISSUER-KEY [DIGEST]; itself as issuer: `self`
issue() {
    : > index
    printf '%s\n' "$4" > extensions
    openssl req -new -config ca.cnf -key "$2" -subj "$3" -out request 2> /dev/null
    if [ "$7" = self ]; then set -- "$1" "$2" "$3" "$4" "$5" "$6" -selfsign "$2" "${9:-sha256}"; fi
    if [ "$7" = -selfsign ]; then
        openssl ca -batch -config ca.cnf -notext -selfsign -keyfile "$8" -md "$9" \
            -startdate "$5" -enddate "$6" -extfile extensions -in request -out "$1" 2> ca.log || { cat ca.log >&2; exit 1; }
    else
        openssl ca -batch -config ca.cnf -notext -cert "$7" -keyfile "$8" -md "${9:-sha256}" \
            -startdate "$5" -enddate "$6" -extfile extensions -in request -out "$1" 2> ca.log || { cat ca.log >&2; exit 1; }
    fi
}

ca_extensions='basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid'

# server_extensions NAMES [extended key usage]
server_extensions() {
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "${2:-serverAuth}"
    printf 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName=%s\n' "$1"
    printf 'authorityInfoAccess=caIssuers;URI:http://ca.example/issuing.cer\n'
}

names='DNS:manage.example.com,DNS:config.example.com,DNS:*.example.com'

# --- the CAs -----------------------------------------------------------------------------------------------------
key root.key
issue authorities/root.pem root.key '/O=Example Trust/CN=Example Root' "$ca_extensions" $ca_issued $ca_ends self self
key issuing.key
issue issuing.pem issuing.key '/O=Example Trust/CN=Example Issuing CA 1' "$ca_extensions" $ca_issued $ca_ends authorities/root.pem root.key
key rsa-root.key rsa
issue authorities/rsa-root.pem rsa-root.key '/O=Example Trust/CN=Example RSA Root' "$ca_extensions" $ca_issued $ca_ends self self
key rsa-issuing.key rsa
issue rsa-issuing.pem rsa-issuing.key '/O=Example Trust/CN=Example RSA Issuing CA 1' "$ca_extensions" $ca_issued $ca_ends authorities/rsa-root.pem rsa-root.key
# An old root that signed the new one's key too.
key old-root.key
issue authorities/old-root.pem old-root.key '/O=Example Trust/CN=Example Old Root' "$ca_extensions" $ca_issued $ca_ends self self
issue cross.pem root.key '/O=Example Trust/CN=Example Root' "$ca_extensions" $ca_issued $ca_ends authorities/old-root.pem old-root.key

# server FOLDER [NAMES [FROM [TO [PURPOSE [DIGEST]]]]]: server.key and server.pem, from the usual CA
server() {
    mkdir -p "$1"
    [ -e "$1/server.key" ] || key "$1/server.key"
    issue "$1/server.pem" "$1/server.key" '/CN=manage.example.com' "$(server_extensions "${2:-$names}" "${5:-serverAuth}")" \
        "${3:-$issued}" "${4:-$ends}" issuing.pem issuing.key "${6:-sha256}"
}

# expect FOLDER EXIT 'COMMAND' ["severity id" …]: what the command must find
expect() {
    folder=$1 code=$2 command=$3
    shift 3
    {
        echo '# What portcullis cert must say of this folder.'
        printf 'command: %s\nexit: %s\n' "$command" "$code"
        for finding in "$@"; do printf 'finding: %s\n' "$finding"; done
    } > "$folder/expected"
}

at='--at 2026-12-01T00:00:00Z'
root='--root ../../authorities/root.pem'
usual="check chain.pem --key server.key --name manage.example.com --name login.example.com $root $at"

# mistake NAME: a folder with a good server certificate, to be spoiled
mistake() {
    folder=mistakes/$1
    shift
    server "$folder" "$@"
    cat "$folder/server.pem" issuing.pem > "$folder/chain.pem"
    rm "$folder/server.pem"
}

# --- good bundles ------------------------------------------------------------------------------------------------
server good/ecdsa
cat good/ecdsa/server.pem issuing.pem > good/ecdsa/chain.pem
rm good/ecdsa/server.pem
expect good/ecdsa 0 "$usual"

mkdir good/rsa
key good/rsa/server.key rsa
issue good/rsa/server.pem good/rsa/server.key '/CN=manage.example.com' "$(server_extensions "$names")" $issued $ends rsa-issuing.pem rsa-issuing.key
cat good/rsa/server.pem rsa-issuing.pem > good/rsa/chain.pem
rm good/rsa/server.pem
expect good/rsa 0 "check chain.pem --key server.key --name manage.example.com --root ../../authorities/rsa-root.pem $at"

# Only the old root is trusted: the way leads over the cross-sign, and nothing is left over.
server good/cross-sign
cat good/cross-sign/server.pem issuing.pem cross.pem > good/cross-sign/chain.pem
rm good/cross-sign/server.pem
expect good/cross-sign 0 "check chain.pem --key server.key --name manage.example.com --root ../../authorities/old-root.pem $at"

# Both roots are trusted: the shorter way wins, and the cross-sign is left over.
mkdir good/cross-sign-not-needed
cp good/cross-sign/chain.pem good/cross-sign/server.key good/cross-sign-not-needed/
expect good/cross-sign-not-needed 0 "check chain.pem --key server.key --root ../../authorities/old-root.pem $root $at" 'warning cert.chain.extra'

# As Windows and mail leave them: CRLF, a byte order mark, bag attributes, text between the blocks, wrong order of files.
mkdir good/from-windows
{
    printf '\357\273\277Dear colleague, here is your certificate.\r\n\r\nBag Attributes\r\n    friendlyName: manage\r\n'
    sed 's/$/\r/' good/ecdsa/chain.pem
    printf 'Kind regards\r\n'
} > good/from-windows/mail.txt
openssl pkey -in good/ecdsa/server.key -outform DER -out good/from-windows/server.key.der
expect good/from-windows 0 "check mail.txt server.key.der --name manage.example.com $root $at"

# P7B from the CA and a key that is encrypted, its password in a file.
mkdir good/p7b
openssl crl2pkcs7 -nocrl -certfile good/ecdsa/chain.pem -outform DER -out good/p7b/chain.p7b
openssl pkcs8 -topk8 -in good/ecdsa/server.key -passout pass:example -out good/p7b/server.key
echo example > good/p7b/password
expect good/p7b 0 "check chain.p7b --key server.key --key-password-from file:password --name manage.example.com $root $at"

# PFX files: encrypted as today, as Windows did for twenty years (RC2 and 3DES), and with an empty password.
for kind in modern rc2 empty-password; do
    mkdir "good/pfx-$kind"
    case $kind in
        rc2) set -- -legacy -passout pass:example ;;
        modern) set -- -passout pass:example ;;
        *) set -- -passout pass: ;;
    esac
    openssl pkcs12 -export -inkey good/ecdsa/server.key -in good/ecdsa/chain.pem -name manage "$@" -out "good/pfx-$kind/server.pfx"
    echo example > "good/pfx-$kind/password"
    expect "good/pfx-$kind" 0 "check server.pfx --key-password-from file:password --name manage.example.com $root $at"
done
rm good/pfx-empty-password/password
expect good/pfx-empty-password 0 "check server.pfx --name manage.example.com $root $at"

# --- the chain ---------------------------------------------------------------------------------------------------
mistake chain-incomplete
openssl x509 -in mistakes/chain-incomplete/chain.pem -out mistakes/chain-incomplete/chain.pem.new
mv mistakes/chain-incomplete/chain.pem.new mistakes/chain-incomplete/chain.pem
expect mistakes/chain-incomplete 3 "$usual" 'error cert.chain.incomplete'

mistake chain-incomplete-pfx
cp mistakes/chain-incomplete/* mistakes/chain-incomplete-pfx/
expect mistakes/chain-incomplete-pfx 3 "pfx --in chain.pem --key server.key $root $at --out OUT.pfx" 'error cert.chain.incomplete'

mistake chain-only-authorities
cp issuing.pem mistakes/chain-only-authorities/chain.pem
rm mistakes/chain-only-authorities/server.key
expect mistakes/chain-only-authorities 3 "check chain.pem $root $at" 'error cert.chain.incomplete'

mistake chain-order
openssl x509 -in mistakes/chain-order/chain.pem > leaf
cat issuing.pem leaf > mistakes/chain-order/chain.pem
expect mistakes/chain-order 0 "$usual" 'warning cert.chain.order'

mistake chain-extra
cat rsa-issuing.pem >> mistakes/chain-extra/chain.pem
expect mistakes/chain-extra 0 "$usual" 'warning cert.chain.extra'

mistake chain-root-included
cat authorities/root.pem >> mistakes/chain-root-included/chain.pem
expect mistakes/chain-root-included 0 "$usual" 'info cert.chain.root-included'

# An intermediate of the right name that another key stands behind, as after a CA renewed its own.
mistake chain-signature
key other.key
issue other.pem other.key '/O=Example Trust/CN=Example Issuing CA 1' "$ca_extensions" $ca_issued $ca_ends authorities/root.pem root.key
openssl x509 -in mistakes/chain-signature/chain.pem > leaf
cat leaf other.pem > mistakes/chain-signature/chain.pem
expect mistakes/chain-signature 3 "$usual" 'error cert.chain.signature' 'error cert.chain.incomplete'

mkdir mistakes/chain-not-a-ca
key signer.key
issue signer.pem signer.key '/CN=signer.example.com' "$(server_extensions DNS:signer.example.com)" $issued $ends issuing.pem issuing.key
key mistakes/chain-not-a-ca/server.key
issue leaf mistakes/chain-not-a-ca/server.key '/CN=manage.example.com' "$(server_extensions "$names")" $issued $ends signer.pem signer.key
cat leaf signer.pem issuing.pem > mistakes/chain-not-a-ca/chain.pem
expect mistakes/chain-not-a-ca 3 "$usual" 'error cert.chain.not-a-ca'

# The CA above may issue for another domain alone: every name is covered, each signature right, and clients refuse.
mkdir mistakes/chain-refused
key limited.key
issue limited.pem limited.key '/O=Example Trust/CN=Example CA for example.net' "$ca_extensions
nameConstraints=critical,permitted;DNS:example.net" $ca_issued $ca_ends authorities/root.pem root.key
key mistakes/chain-refused/server.key
issue leaf mistakes/chain-refused/server.key '/CN=manage.example.com' "$(server_extensions "$names")" $issued $ends limited.pem limited.key
cat leaf limited.pem > mistakes/chain-refused/chain.pem
expect mistakes/chain-refused 3 "$usual" 'error cert.chain.refused'

mkdir mistakes/self-signed
key mistakes/self-signed/server.key
issue mistakes/self-signed/chain.pem mistakes/self-signed/server.key '/CN=manage.example.com' \
    "$(server_extensions "$names" | grep -v authority)" $issued $ends self self
expect mistakes/self-signed 3 "$usual" 'error cert.self-signed'

mistake untrusted-root
cat authorities/root.pem >> mistakes/untrusted-root/chain.pem
expect mistakes/untrusted-root 3 "check chain.pem --key server.key $at" 'error cert.untrusted-root'

mistake duplicate
cat issuing.pem >> mistakes/duplicate/chain.pem
expect mistakes/duplicate 0 "$usual" 'warning cert.duplicate'

# --- the key -----------------------------------------------------------------------------------------------------
mistake key-mismatch
key mistakes/key-mismatch/server.key
expect mistakes/key-mismatch 3 "$usual" 'error cert.key.mismatch'

mistake key-missing
rm mistakes/key-missing/server.key
expect mistakes/key-missing 3 "pfx --in chain.pem $root $at --out OUT.pfx" 'error cert.key.missing'

mkdir mistakes/key-weak
key mistakes/key-weak/server.key rsa1024
mistake key-weak
expect mistakes/key-weak 3 "$usual" 'error cert.key.weak'

mistake key-encrypted
openssl pkcs8 -topk8 -in mistakes/key-encrypted/server.key -passout pass:example -out encrypted
mv encrypted mistakes/key-encrypted/server.key
expect mistakes/key-encrypted 3 "$usual" 'error cert.key.encrypted'

mkdir mistakes/key-type
key mistakes/key-type/server.key ed25519
mistake key-type
expect mistakes/key-type 0 "$usual" 'warning cert.key.type'

# --- names -------------------------------------------------------------------------------------------------------
mistake name-missing DNS:manage.example.com
expect mistakes/name-missing 3 "$usual" 'error cert.name.missing'

mistake name-wildcard-depth 'DNS:manage.example.com,DNS:*.example.com'
expect mistakes/name-wildcard-depth 3 "check chain.pem --key server.key --name a.wt.example.com $root $at" \
    'error cert.name.missing' 'error cert.name.wildcard-depth'

mkdir mistakes/name-in-common-name-only
key mistakes/name-in-common-name-only/server.key
issue leaf mistakes/name-in-common-name-only/server.key '/CN=manage.example.com' \
    "$(server_extensions DNS:x | grep -v subjectAltName)" $issued $ends issuing.pem issuing.key
cat leaf issuing.pem > mistakes/name-in-common-name-only/chain.pem
expect mistakes/name-in-common-name-only 3 "check chain.pem --key server.key --name manage.example.com $root $at" 'error cert.name.missing'

# --- dates, purposes, strength -----------------------------------------------------------------------------------
mistake expired "$names" 20260501000000Z 20261101000000Z
expect mistakes/expired 3 "$usual" 'error cert.expired'
mistake not-yet-valid "$names" 20270101000000Z 20270630000000Z
expect mistakes/not-yet-valid 3 "$usual" 'error cert.not-yet-valid'
mistake expires-soon "$names" 20260701000000Z 20261220000000Z
expect mistakes/expires-soon 0 "$usual" 'warning cert.expires-soon'
mistake lifetime-too-long "$names" $issued 20271101000000Z
expect mistakes/lifetime-too-long 0 "$usual" 'warning cert.lifetime.too-long'
mistake usage-no-server-auth "$names" $issued $ends clientAuth
expect mistakes/usage-no-server-auth 3 "$usual" 'error cert.usage.no-server-auth'
# A server's certificate that could sign others.
mkdir mistakes/usage-ca
key mistakes/usage-ca/server.key
issue leaf mistakes/usage-ca/server.key '/CN=manage.example.com' \
    "$(server_extensions "$names" | sed 's/^basicConstraints=.*/basicConstraints=critical,CA:TRUE/; s/^keyUsage=.*/&,keyCertSign/')" \
    $issued $ends issuing.pem issuing.key
cat leaf issuing.pem > mistakes/usage-ca/chain.pem
expect mistakes/usage-ca 0 "$usual" 'warning cert.usage.ca'
mistake signature-weak "$names" $issued $ends serverAuth sha1
expect mistakes/signature-weak 3 "$usual" 'error cert.signature.weak'

# --- one certificate in two environments -------------------------------------------------------------------------
mistake shared
cp mistakes/shared/chain.pem mistakes/shared/production.pem
expect mistakes/shared 0 "$usual --other-environment production=production.pem" 'warning cert.shared'

# --- files that are something else -------------------------------------------------------------------------------
for kind in request login-page openssh-key cut-off java-keystore; do mkdir "mistakes/unreadable-$kind"; done
openssl req -new -config ca.cnf -key good/ecdsa/server.key -subj /CN=manage.example.com -out mistakes/unreadable-request/chain.pem
printf '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Your session has ended.</body></html>\n' > mistakes/unreadable-login-page/chain.pem
printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n' > mistakes/unreadable-openssh-key/chain.pem
head -n 8 good/ecdsa/chain.pem > mistakes/unreadable-cut-off/chain.pem
printf '\376\355\376\355\000\000\000\002\000\000\000\001' > mistakes/unreadable-java-keystore/chain.pem
for kind in request login-page openssh-key cut-off java-keystore; do
    expect "mistakes/unreadable-$kind" 3 "check chain.pem $root $at" 'error cert.unreadable'
done

for part in authorities good mistakes; do
    rm -rf "${here:?}/$part"
    cp -R "$part" "$here/$part"
done
echo "made $(find "$here" -name expected | wc -l) examples in $here"
