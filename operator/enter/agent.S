/* SPDX-License-Identifier: Apache-2.0 */
/* See agent.h. HF_AGENT_FILE is what the Makefile has linked. */
	.section .rodata
	.globl hf_agent_bytes
	.hidden hf_agent_bytes
	.balign 64
hf_agent_bytes:
	.incbin HF_AGENT_FILE
hf_agent_end:
	.globl hf_agent_size
	.hidden hf_agent_size
	.balign 8
hf_agent_size:
	.quad hf_agent_end - hf_agent_bytes
	.section .note.GNU-stack, "", @progbits
