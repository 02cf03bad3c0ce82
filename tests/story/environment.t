#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OPENSSL_CONF names a provider or an engine: the command loads none, and what is loaded into a program has no say in its
# patches.
. "$(dirname "$0")/lib.sh"

[ -z "${SAN-}" ] || {
    echo "ok 1 - nobody's provider is asked # SKIP sanitizers report what the provider leaves behind"
    tests=1
    finish
}
# A provider that makes a file when it is loaded and another when it is asked for anything, and gives SHA-256 that is
# always zero.
cat >liar.c <<'SOURCE'
#include <fcntl.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void spring(void)
{
    close(open(MARK, O_CREAT | O_WRONLY, 0600));
}

static int context;
static void *new_context(void *provider)
{
    (void)provider;
    return &context;
}
static void free_context(void *from)
{
    (void)from;
}
static void *copy_context(void *from)
{
    return from;
}
static int begin(void *at, const OSSL_PARAM parameters[])
{
    (void)at;
    (void)parameters;
    return 1;
}
static int update(void *at, const unsigned char *bytes, size_t size)
{
    (void)at;
    (void)bytes;
    (void)size;
    return 1;
}
static int end(void *at, unsigned char *out, size_t *size, size_t room)
{
    (void)at;
    (void)room;
    memset(out, 0, 32);
    *size = 32;
    return 1;
}
static int describe(OSSL_PARAM parameters[])
{
    OSSL_PARAM *size = OSSL_PARAM_locate(parameters, OSSL_DIGEST_PARAM_SIZE);
    OSSL_PARAM *block = OSSL_PARAM_locate(parameters, OSSL_DIGEST_PARAM_BLOCK_SIZE);
    return (!size || OSSL_PARAM_set_size_t(size, 32)) && (!block || OSSL_PARAM_set_size_t(block, 64));
}
static const OSSL_DISPATCH sha256[] = {{OSSL_FUNC_DIGEST_NEWCTX, (void (*)(void))new_context},
                                       {OSSL_FUNC_DIGEST_FREECTX, (void (*)(void))free_context},
                                       {OSSL_FUNC_DIGEST_DUPCTX, (void (*)(void))copy_context},
                                       {OSSL_FUNC_DIGEST_INIT, (void (*)(void))begin},
                                       {OSSL_FUNC_DIGEST_UPDATE, (void (*)(void))update},
                                       {OSSL_FUNC_DIGEST_FINAL, (void (*)(void))end},
                                       {OSSL_FUNC_DIGEST_GET_PARAMS, (void (*)(void))describe},
                                       {0, NULL}};
static const OSSL_ALGORITHM digests[] = {{"SHA2-256:SHA-256:SHA256:2.16.840.1.101.3.4.2.1", "x.liar=yes", sha256, ""},
                                         {NULL, NULL, NULL, NULL}};
static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    (void)provider;
    close(open(ASKED, O_CREAT | O_WRONLY, 0600));
    *no_cache = 0;
    return operation == OSSL_OP_DIGEST ? digests : NULL;
}
static const OSSL_DISPATCH functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query}, {0, NULL}};
int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                       void **provider)
{
    (void)handle;
    (void)in;
    *out = functions;
    *provider = &context;
    return 1;
}
SOURCE
cat >shop.c <<'SOURCE'
#include <hotfix.h>
#include <stdio.h>

__attribute__((noinline)) int fee(int value)
{
    return value * 7 / 3 + 1;
}

int main(int argc, char **argv)
{
    struct hotfix_options options = HOTFIX_OPTIONS_INIT;
    struct hotfix_result result = HOTFIX_RESULT_INIT;
    struct hotfix_error error;
    struct hotfix *hotfix;

    options.trust = argv[2] ? argv[2] : "trust";
    if (hotfix_open(&options, &hotfix, &error) != 0)
        return printf("%s\n", error.message), 1;
    if (hotfix_apply(hotfix, argv[1], &result) != 0)
        return printf("%s\n", result.error.message), 1;
    /* No direct call: a compiler would fit it to what it knows of the function. */
    int (*volatile called)(int value) = fee;
    return printf("fee is %d\n", called(argc)), 0;
}
SOURCE
printf 'int fee(int value)\n{\n    return value * 9 / 3 + 1;\n}\n' >fix.c
record=''
case $($CC --version) in *clang*) record=-grecord-command-line ;; esac
# shellcheck disable=SC2086
{
    $CC -fPIC -shared -DMARK="\"$SCRATCH/sprung\"" -DASKED="\"$SCRATCH/asked\"" -o liar.so liar.c -lcrypto &&
        $CC -O2 -g $record -Wl,--build-id -I"$ROOT/loader" -I"$ROOT/manifest" -o shop shop.c \
            -L"$LIBRARY" -l:libhotfix.a -lcrypto &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fix.c
} || exit 1
printf '%s\n' 'openssl_conf = all' '[all]' 'providers = list' 'alg_section = rules' '[rules]' \
    'default_properties = ?x.liar=yes' '[list]' 'liar = liar' 'default = default' '[default]' 'activate = 1' '[liar]' \
    "module = $SCRATCH/liar.so" 'activate = 1' >openssl.cnf

hotfix keygen release >/dev/null && mkdir trust && cp release.pub trust/ || exit 1
hotfix keygen --ca corp >/dev/null 2>&1
pack() {
    hotfix pack --target shop --patch fix.so --func fee --accept-flags "made by hand" --name fee --version 1 \
        --key release.key "$@" >/dev/null 2>"$ERR" || {
        diagnose <"$ERR"
        exit 1
    }
}
pack -o good
pack -o certified
hotfix sign certified --cert corp.pem --key corp.key >/dev/null || exit 1
mkdir authorities && cp corp.ca.pem authorities && : >index.txt && echo 01 >number &&
    printf '%s\n' '[ca]' 'default_ca = corp' '[corp]' 'database = index.txt' 'crlnumber = number' 'default_md = sha256' \
        'default_crl_days = 30' 'crl_extensions = ext' '[ext]' 'authorityKeyIdentifier = keyid:always' >ca.cnf &&
    openssl ca -config ca.cnf -gencrl -cert corp.ca.pem -keyfile corp-ca.key -out authorities/corp.crl.pem 2>/dev/null || exit 1
cp certified forged && printf 'x' | dd of=forged bs=1 seek=700 conv=notrunc 2>/dev/null
cp good changed && printf 'x' | dd of=changed bs=1 seek=700 conv=notrunc 2>/dev/null

export OPENSSL_CONF=$SCRATCH/openssl.cnf
run openssl dgst -sha256 good
is "the provider lies to whoever asks it" "$(cut -d' ' -f2 "$OUT")" "$(printf '0%.0s' {1..64})"
ok "and is noticed" test -e sprung -a -e asked
rm -f sprung asked

for verb in "verify good --trust trust" "show good" "keygen another" "sign good --key another.key" "check --target shop --patch fix.so --func fee" \
    "verify changed --trust trust" "verify good --trust trust --target shop" "verify certified --trust authorities" \
    "verify forged --trust authorities" "keygen --ca another" "sign good --cert corp.pem --key corp.key" \
    "pack --target shop --patch fix.so --func fee --accept-flags x --name fee --version 2 --key release.key -o packed"; do
    # shellcheck disable=SC2086
    run "$HOTFIX" $verb
    ok "hotfix $verb loads no provider" test ! -e sprung
    rm -f sprung
done
run "$HOTFIX" verify good --trust trust
is "the command finds a good bundle good" "$status" 0
run "$HOTFIX" verify changed --trust trust
is "and a changed one changed" "$status" 4
run ./shop good
is "a program applies the good bundle" "$status $(cat "$OUT")" "0 fee is 7"
run ./shop certified authorities
is "and one that a certificate signed, by an authority with a list of what it revoked" "$status $(cat "$OUT")" "0 fee is 10"
run ./shop forged authorities
is "and refuses that one when it was changed" "$status $(cut -d';' -f1-2 "$OUT")" \
    "1 bundle forged: 0 of 1 keys agree; the CMS signature does not verify"
ok "the provider that was loaded into the program was asked for nothing" test -e sprung -a ! -e asked
run ./shop changed
is "and refuses the changed one" "$status $(cat "$OUT")" \
    "1 bundle changed: 0 of 1 keys agree; the signature by key release is not over these bytes: the bundle was changed"

# An engine that is made the default is asked in every context of libcrypto 3: here one that takes any signature.
cat >engine.c <<'SOURCE'
#define OPENSSL_SUPPRESS_DEPRECATED
#include <fcntl.h>
#include <openssl/engine.h>
#include <unistd.h>

static const int nids[] = {NID_ED25519};

static int begin(EVP_PKEY_CTX *context, EVP_MD_CTX *digest)
{
    (void)context;
    (void)digest;
    return 1;
}
static int control(EVP_PKEY_CTX *context, int type, int number, void *pointer)
{
    (void)context;
    (void)type;
    (void)number;
    (void)pointer;
    return 1;
}
static int verify(EVP_MD_CTX *context, const unsigned char *signature, size_t size, const unsigned char *message,
                  size_t message_size)
{
    (void)context;
    (void)signature;
    (void)size;
    (void)message;
    (void)message_size;
    return 1;
}
static int methods(ENGINE *engine, EVP_PKEY_METHOD **method, const int **list, int nid)
{
    static EVP_PKEY_METHOD *made;
    (void)engine;
    if (!method) {
        *list = nids;
        return 1;
    }
    if (!made) {
        made = EVP_PKEY_meth_new(nid, EVP_PKEY_FLAG_SIGCTX_CUSTOM);
        EVP_PKEY_meth_set_verifyctx(made, begin, NULL);
        EVP_PKEY_meth_set_digestverify(made, verify);
        EVP_PKEY_meth_set_ctrl(made, control, NULL);
    }
    *method = made;
    return 1;
}
static int bind(ENGINE *engine, const char *id)
{
    (void)id;
    close(open(MARK, O_CREAT | O_WRONLY, 0600));
    return ENGINE_set_id(engine, "liar") && ENGINE_set_name(engine, "liar") && ENGINE_set_pkey_meths(engine, methods);
}
IMPLEMENT_DYNAMIC_BIND_FN(bind)
IMPLEMENT_DYNAMIC_CHECK_FN()
SOURCE
$CC -fPIC -shared -DMARK="\"$SCRATCH/sprung\"" -o engine.so engine.c -lcrypto || exit 1
printf '%s\n' 'openssl_conf = all' '[all]' 'engines = list' '[list]' 'liar = settings' '[settings]' 'engine_id = liar' \
    "dynamic_path = $SCRATCH/engine.so" 'default_algorithms = ALL' 'init = 1' >openssl.cnf
rm -f sprung
for verb in "verify good --trust trust" "show good" "keygen third" "sign good --key third.key" "verify changed --trust trust"; do
    # shellcheck disable=SC2086
    run "$HOTFIX" $verb
    ok "hotfix $verb loads no engine" test ! -e sprung
done
is "a changed bundle is one" "$status" 4
run ./shop changed
is "a program that has the engine believes no signature" "$status $(cat "$OUT")" \
    "1 trust store: trust/release.pub: OpenSSL's engine 'liar' is the default for ED25519 in this process, so that no \
signature can be believed; take it out of default_algorithms in what OPENSSL_CONF names, or out of the program's \
ENGINE_set_default()"
rm -f sprung
sed 's/.*hotfix_open(.*/    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);\n&/; 1i #include <openssl/crypto.h>' \
    shop.c >careful.c
# shellcheck disable=SC2086
$CC -O2 -g $record -Wl,--build-id -I"$ROOT/loader" -I"$ROOT/manifest" -o careful careful.c -L"$LIBRARY" -l:libhotfix.a \
    -lcrypto || exit 1
run ./careful changed
is "one that has libcrypto read no configuration loads neither" "$status $(ls sprung 2>/dev/null)" "1 "

finish
