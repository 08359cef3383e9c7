/// What models are built from: modules, parameters, linear layers, losses, initialisation.
package dev.xiaolu.nn;
