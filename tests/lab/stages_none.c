// No stamps inside a turn.
#include "tests/lab/lab.h"

void lab_stages_reset(void)
{
}

void lab_stages_switch(bool is_on)
{
	(void)is_on;
}

void lab_stages_report(uint64_t commands)
{
	(void)commands;
}
