/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest's data about the program that loads the target, if the target is a module. */
#ifndef HF_PACK_HOST_H
#define HF_PACK_HOST_H

#include "check/check.h"
#include "hotfix/error.h"
#include "manifest.h"

/*
 * Sets name, build-id and symbols of the host when the patch uses something that it exports, else leaves them absent.
 * HOTFIX_INCOMPATIBLE when it has no build-id, or when there are more symbols than a manifest can name; HOTFIX_FORMAT,
 * HOTFIX_MEMORY.
 */
int hf_compose_host(const struct hf_check_subject *subject, struct hf_manifest *manifest, struct hotfix_error *err);

#endif
