// Every kernel over prices in one program, compiled once for a device.
#include "bars.cu"
#include "covariance.cu"
#include "options.cu"
#include "paths.cu"
#include "recurrence.cu"
#include "sweep.cu"
#include "waves.cu"
#include "window.cu"
