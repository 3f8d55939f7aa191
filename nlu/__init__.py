"""Understanding: the graph components that config.yml names. They read a message once, from spelling to red flags."""
