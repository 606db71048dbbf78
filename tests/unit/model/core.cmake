# Decide, evolve and the tables, with the rules of schemas/.
foreach(name decide handoff group group_fold relation merge split suggestion keeping lifecycle fold clock clock_fold clock_recount on_duty)
  casehub_test(model_${name} SOURCES ${name}_test.c city.c LINKS ch_config ch_model)
endforeach()
casehub_test(model_rules SOURCES rules_test.c LINKS ch_model)
casehub_test(model_sketch SOURCES sketch_test.c LINKS ch_model)
casehub_test(model_duty SOURCES duty_test.c LINKS ch_model)
casehub_test(model_calendar SOURCES calendar_test.c LINKS ch_model)
