//! Starts real peers for the tests: our server, Synapse, a browser with matrix-js-sdk, a D-Bus, a keyring.
