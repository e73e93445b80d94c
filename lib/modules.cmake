# What the library consists of, module by module, in the order of the include rule.
headlight_module(core shape reduce linalg close random parallel HEADER_ONLY tensor stage)
headlight_module(layer softmax mask norm feed_forward embedding)
headlight_module(position sinusoidal learned relative t5_bias rope alibi)
headlight_module(attention head multi_head block model HEADER_ONLY options)
headlight_module(render text palette table heatmap)
