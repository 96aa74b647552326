/* How much likelier a customer responds on each channel: retain.decisions.channels in C. */
#include "kernels.h"

#define MOST_CHANNELS 32
#define MOST_DIGITS 15 /* whole numbers so long are doubles to the last bit */

typedef struct {
    PyObject_HEAD
    PyObject *rates;
    double usual_rate, messages, responses, least, most;
} Preference;

enum { SENT, OPENED, CLICKED, KINDS };
static const char *const kinds[KINDS] = {"sent", "opened", "clicked"};

typedef struct {
    const char *name; /* in the first line that tells of it */
    Py_ssize_t length;
    double counts[KINDS], rate;
} Channel;

/* The place of the last space before ``end``; -1: there is none. */
static Py_ssize_t space_before(const char *text, Py_ssize_t end) {
    do end--;
    while (end >= 0 && text[end] != ' ');
    return end;
}

static Channel *named(Channel *channels, Py_ssize_t *many, const char *name, Py_ssize_t length) {
    for (Py_ssize_t at = 0; at < *many; at++)
        if (channels[at].length == length && !memcmp(channels[at].name, name, (size_t)length))
            return channels + at;
    if (*many == MOST_CHANNELS) return NULL;
    Channel *new = channels + (*many)++;
    memset(new, 0, sizeof *new);
    new->name = name;
    new->length = length;
    return new;
}

/* Whether a line is told as all are that were counted here: channel, kind, whole number. */
static int heard(const char *line, Py_ssize_t length, Channel *channels, Py_ssize_t *many) {
    Py_ssize_t count = space_before(line, length), kind = space_before(line, count);
    if (count < 0 || kind < 0 || length - count - 1 > MOST_DIGITS || length == count + 1) return 0;
    double number = 0.0;
    for (Py_ssize_t at = count + 1; at < length; at++) {
        if (line[at] < '0' || line[at] > '9') return 0;
        number = number * 10.0 + (line[at] - '0');
    }
    Channel *channel = named(channels, many, line, kind);
    if (channel == NULL) return 0;
    for (int at = 0; at < KINDS; at++)
        if ((Py_ssize_t)strlen(kinds[at]) == count - kind - 1 &&
            !memcmp(kinds[at], line + kind + 1, strlen(kinds[at])))
            channel->counts[at] = number;
    return 1;
}

/* The base's rate on a channel; -1.0 with an error set. */
static double rate_of(const Preference *own, PyObject *name) {
    PyObject *found = PyDict_GetItemWithError(own->rates, name);
    if (found == NULL) return PyErr_Occurred() ? -1.0 : own->usual_rate;
    double rate = PyFloat_AsDouble(found);
    return rate == 0.0 ? own->usual_rate : rate;
}

/* The weights of channels whose names are ``names``, into a dict; None: Python has to look. */
static PyObject *weighed(const Preference *own, Channel *channels, PyObject **names,
                         Py_ssize_t many) {
    double expected = 0.0, responses = 0.0;
    for (Py_ssize_t at = 0; at < many; at++) {
        Channel *one = channels + at;
        if ((one->rate = rate_of(own, names[at])) == -1.0 && PyErr_Occurred()) return NULL;
        double *counts = one->counts;
        if (counts[CLICKED] > counts[OPENED]) counts[OPENED] = counts[CLICKED];
        if (counts[OPENED] > counts[SENT]) counts[SENT] = counts[OPENED];
        expected += counts[SENT] * one->rate;
        responses += counts[OPENED] + counts[CLICKED];
    }
    if (expected + own->responses == 0.0) Py_RETURN_NONE;
    double general = (responses + own->responses) / (expected + own->responses);
    PyObject *weights = PyDict_New();
    for (Py_ssize_t at = 0; weights != NULL && at < many; at++) {
        const double *counts = channels[at].counts;
        double usual = channels[at].rate * general;
        double divisor = (counts[SENT] + own->messages) * usual;
        if (divisor == 0.0) {
            Py_DECREF(weights);
            Py_RETURN_NONE;
        }
        double weight = (counts[OPENED] + counts[CLICKED] + own->messages * usual) / divisor;
        weight = own->least > weight ? own->least : weight;
        PyObject *told = PyFloat_FromDouble(own->most < weight ? own->most : weight);
        if (told == NULL || PyDict_SetItem(weights, names[at], told)) Py_CLEAR(weights);
        Py_XDECREF(told);
    }
    return weights;
}

PyDoc_STRVAR(weights_doc, "weights(history): by channel, of a list of lines; None where a line is "
                          "told otherwise than they are written.");

static PyObject *preference_weights(Preference *own, PyObject *history) {
    Channel channels[MOST_CHANNELS];
    PyObject *names[MOST_CHANNELS], *weights = NULL;
    Py_ssize_t many = 0, known = 0;
    if (own->rates == NULL || !PyList_Check(history)) Py_RETURN_NONE;
    /* nothing is called meanwhile that could change the list */
    for (Py_ssize_t at = 0; at < PyList_GET_SIZE(history); at++) {
        PyObject *line = PyList_GET_ITEM(history, at);
        Py_ssize_t length = 0;
        const char *text = PyUnicode_Check(line) ? PyUnicode_AsUTF8AndSize(line, &length) : NULL;
        if (text == NULL || !heard(text, length, channels, &many)) {
            PyErr_Clear();
            Py_RETURN_NONE;
        }
    }
    for (; known < many; known++)
        if ((names[known] = PyUnicode_FromStringAndSize(channels[known].name,
                                                        channels[known].length)) == NULL)
            break;
    if (known == many) weights = weighed(own, channels, names, many);
    while (known) Py_DECREF(names[--known]);
    return weights;
}

static int preference_init(Preference *own, PyObject *given, PyObject *named) {
    PyObject *rates;
    if (own->rates != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "a preference is made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "O!ddddd", &PyDict_Type, &rates, &own->usual_rate, &own->messages,
                          &own->responses, &own->least, &own->most))
        return -1;
    own->rates = PyDict_Copy(rates);
    return own->rates == NULL ? -1 : 0;
}

static void preference_free(Preference *own) {
    Py_XDECREF(own->rates);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static PyMethodDef methods[] = {
    {"weights", (PyCFunction)preference_weights, METH_O, weights_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.channels.Preference",
    .tp_basicsize = sizeof(Preference),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)preference_init,
    .tp_dealloc = (destructor)preference_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "channels", .m_size = -1};

PyMODINIT_FUNC PyInit_channels(void) {
    static const Named functions[] = {{0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
