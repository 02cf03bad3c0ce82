/* SPDX-License-Identifier: Apache-2.0 */
/* The table of applied bundles that is read from outside (protocol.h). */
#ifndef HF_INSIDE_BOARD_H
#define HF_INSIDE_BOARD_H

/*
 * Updates the table. When out of memory, it keeps its old content, and counts as being written.
 */
void hf_board_update(void);

#endif
