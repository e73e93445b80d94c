# Which exercises there are; course.toml says the same with points, hints and times, and a test compares the two.
#
# lesson 01
# lesson 02
# lesson 03
# lesson 04
headlight_exercises(04_query_key_value 1_cross_attend 2_soft_lookup 3_scale_variance)
# lesson 05
headlight_exercises(05_self_attention_step_by_step 1_scores 2_causal_mask 3_full_trace)
# lesson 06
headlight_exercises(06_multi_head_attention 1_concat 2_w_o 3_sum_over_heads)
# lesson 07
# lesson 13
headlight_exercises(13_positions_rope_relative_alibi 1_rope 2_relative_bias 3_alibi)
# lesson 17
# lesson 18
