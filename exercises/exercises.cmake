# Which exercises there are; course.toml says the same with points, hints and times, and a test compares the two.
#
# lesson 01
headlight_exercises(01_what_is_a_head 1_project 2_softmax_row 3_one_head)
# lesson 02
headlight_exercises(02_why_many_heads 1_split_heads 2_two_targets 3_which_is_multihead)
# lesson 03
headlight_exercises(03_how_many_heads 1_head_dims 2_param_count 3_flops)
# lesson 04
headlight_exercises(04_query_key_value 1_cross_attend 2_soft_lookup 3_scale_variance)
# lesson 05
headlight_exercises(05_self_attention_step_by_step 1_scores 2_causal_mask 3_full_trace)
# lesson 06
headlight_exercises(06_multi_head_attention 1_concat 2_w_o 3_sum_over_heads)
# lesson 07
headlight_exercises(07_how_heads_specialise 1_softmax_jacobian 2_symmetric_init 3_specialisation_score)
# lesson 13
headlight_exercises(13_positions_rope_relative_alibi 1_rope 2_relative_bias 3_alibi)
# lesson 17
headlight_exercises(17_alternatives_to_attention 1_linear_attention 2_flash_blocks 3_ssm_scan)
# lesson 18
headlight_exercises(18_attention_and_training 1_saturation 2_entropy_vs_scale 3_path_length)
