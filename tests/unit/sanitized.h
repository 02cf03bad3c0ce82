/* SPDX-License-Identifier: Apache-2.0 */
/* SANITIZED is 1 under AddressSanitizer, whose allocator and shadow make a process look different. */
#ifndef HF_TESTS_SANITIZED_H
#define HF_TESTS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
