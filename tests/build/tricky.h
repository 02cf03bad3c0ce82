/* SPDX-License-Identifier: Apache-2.0 */
int first_count(void);
int second_count(void);
int third_count(void);
int mover(void);
int early(int value);
int scaled(int value);
int partly(int *value);
int checked(int value);
int tail(int value);
int dispatch(int which, int value);
int across(int value);
int across_back(int value);
int optional(void);
int self_reference(void);
int became_global(int value);
int uses_static(int value);
int far_away(int value);
extern int migrated;
