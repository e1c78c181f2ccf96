// Coverage marks: a name at a branch that some test must be seen to take. Nothing at all in release builds.
//
// In builds with -DEP_MARKS every mark is a counter in one section of the program, so that the list of marks is what the
// linker found and none can be forgotten. tests/scenario/MARKS.md says which script takes which.
#pragma once

#ifdef EP_MARKS
struct ep_mark {
	const char *name;
	unsigned long hits;
};
// All marks of the program; two places with one name are one mark to the reader.
extern struct ep_mark __start_ep_marks[], __stop_ep_marks[];
#define EP_MARK(label) \
	do { \
		static struct ep_mark mark __attribute__((section("ep_marks"), used)) = { #label, 0 }; \
		mark.hits++; \
	} while (0)
#else
#define EP_MARK(label) ((void)0)
#endif

// One of two marks, by what was decided.
#define EP_MARK_EITHER(claim, yes, no) \
	do { \
		if (claim) \
			EP_MARK(yes); \
		else \
			EP_MARK(no); \
	} while (0)
