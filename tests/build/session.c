/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As released, a session may guess for ever. FIXED counts all its failures, in shadow data, and lets it fail three
 * times. Those of the last minute, which sessions know that were open before, count as well.
 */
#include <stdlib.h>

#include "session.h"

struct session *sessions;
int blocks_freed;

struct session *session_open(int id)
{
    struct session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    session->id = id;
    session->next = sessions;
    sessions = session;
    return session;
}

#ifdef FIXED
#include <hotfix.h>

#define FAILURES 0x4155544801U

struct failures {
    int all;
};

static int take_over(void *data, const void *object, void *arg)
{
    struct failures *failures = data;

    (void)arg;
    failures->all = ((const struct session *)object)->failures;
    return 0;
}

static void count_freed(void *data, const void *object, void *arg)
{
    (void)data;
    (void)object;
    ++*(int *)arg;
}

int hotfix_on_apply(void)
{
    for (struct session *session = sessions; session; session = session->next) {
        if (session->id >= 0 &&
            hotfix_shadow_get_or_attach(FAILURES, session, sizeof(struct failures), take_over, NULL))
            continue;
        hotfix_shadow_detach_all(FAILURES, count_freed, &blocks_freed);
        return 3;
    }
    return 0;
}

void hotfix_on_revert(void)
{
    hotfix_shadow_detach_all(FAILURES, count_freed, &blocks_freed);
}
#endif

void session_close(struct session *session)
{
    struct session **link = &sessions;

    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
#ifdef FIXED
    hotfix_shadow_detach(FAILURES, session, count_freed, &blocks_freed);
#endif
    free(session);
}

int session_login(struct session *session, int right)
{
#ifdef FIXED
    struct failures *failures = hotfix_shadow_get_or_attach(FAILURES, session, sizeof *failures, take_over, NULL);

    if (!failures || failures->all >= 3)
        return 0;
    failures->all += !right;
#endif
    session->failures += !right;
    return right;
}
