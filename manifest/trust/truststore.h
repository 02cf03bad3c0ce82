/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a trust store: its keys, authorities, revocation lists and policy, from files in safe hands (owned.h). */
#ifndef HF_TRUSTSTORE_H
#define HF_TRUSTSTORE_H

#include "hotfix/error.h"
#include "trust.h"
#include "trustfile.h"

/*
 * Reads one public key file; or a policy file, whose name ends in ".ini", with its keys (trustpolicy.h); or a
 * directory: every *.pub and NAME.ca.pem with its NAME.crl.pem in it (names that begin with a dot are passed over), and
 * trust.ini if there is one. A key that
 * is there twice is one key with the roles of both, revoked if one of the two is.
 *
 * HOTFIX_TRUST when there is no key, when one is unusable, when two are or could become one party (an authority that
 * another one issued, a key that an authority has a certificate for), when the policy can never be met, when something
 * in a directory is a symbolic link (but see trustfile.h for volumes of Kubernetes), or when a file, the directory or
 * one above it belongs to neither this user nor root or may be written by others; HOTFIX_FORMAT for a malformed policy;
 * HOTFIX_IO when something cannot be read. On failure trust is untouched.
 */
int hf_trust_read(const char *path, struct hf_trust *trust, struct hotfix_error *err);

/* The same of files that were read before, from a store that messages call path. The files are only read. */
int hf_trust_parse(const char *path, const struct hf_trust_files *files, struct hf_trust *trust,
                   struct hotfix_error *err);

#endif
