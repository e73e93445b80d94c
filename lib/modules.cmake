# What the library consists of, module by module, in the order of the include rule (docs/design).
headlight_module(core reduce linalg close random parallel stage shape HEADER_ONLY tensor)
headlight_module(layer softmax mask norm feed_forward embedding)
headlight_module(attention head multi_head block model)
