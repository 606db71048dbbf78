# The part of the model that judges and folds cases.
target_sources(ch_model PRIVATE calendar.c duty.c clock_rules.c clock_rules_check.c clock.c clocks.c case.c case_codec.c links.c evolve.c evolve_handoffs.c lifecycle.c rules.c rules_check.c routing.c plan.c decide.c keeping.c person.c
               judgement.c digests.c rights.c case_verbs.c handoff_verbs.c relations.c merges.c splits.c sketch.c suggestions.c offers.c groups.c arbitration.c)
