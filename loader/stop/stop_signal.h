/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping threads with a signal whose handler parks them, for use when ptrace is refused. */
#ifndef HF_STOP_SIGNAL_H
#define HF_STOP_SIGNAL_H

#include "stop/attempt.h"

/*
 * One attempt, from taking a free real-time signal to giving it back; blocks all signals of the calling thread
 * meanwhile. The attempt contains the outcome; in any case all threads run again afterwards.
 */
void hf_stop_signal(struct hf_attempt *attempt);

#endif
