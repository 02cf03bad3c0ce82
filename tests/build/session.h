/* SPDX-License-Identifier: Apache-2.0 */
/* What the story shadow.t fixes: sessions, in a struct that the fix needs a new field in. */
#ifndef TESTS_BUILD_SESSION_H
#define TESTS_BUILD_SESSION_H

struct session {
    int id;
    int failures; /* of the last minute */
    struct session *next;
};

extern struct session *sessions;
extern int blocks_freed;

struct session *session_open(int id);
void session_close(struct session *session);

/* 1 when the session may go on. */
int session_login(struct session *session, int right);

#endif
