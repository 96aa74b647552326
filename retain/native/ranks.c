/* What removes each action of a catalogue for one customer, and what the others are worth:
 * retain.decisions.eligibility and retain.decisions.worth in C, the same to the last bit.
 */
#include "ranks.h"

#define MOST_KEPT 4096 /* so many values of a column */

enum { PRIOR, MODEL, RESPONSE }; /* as retain.decisions.terms.BASES */

/* An action as it is being ranked. */
typedef struct {
    int removed_by, treatment, basis; /* a hindrance, -1: none */
    double treated, held_out;         /* by the model */
    double expected, conversion, uplift, value, given, context, channel;
} Standing;

static int is_finite(double number) { return number - number == 0.0; }

static double within(double value, double least) {
    return value > 1.0 ? 1.0 : (least > value ? least : value);
}

/* What a column's value is kept by: as it is stored, or as it was put. */
static PyObject *key_of(const Column *column, PyObject *row, PyObject *found) {
    if (found != NULL) return PyList_Check(found) ? PyList_AsTuple(found) : Py_NewRef(found);
    if (!column->is_stored) return Py_NewRef(Py_None);
    static PyObject *stored, *raw;
    if (stored == NULL) stored = PyUnicode_InternFromString("stored");
    if (raw == NULL) raw = PyUnicode_InternFromString("raw");
    if (stored == NULL || raw == NULL) return NULL;
    PyObject *texts = PyObject_GetAttr(row, stored);
    if (texts == NULL) return NULL;
    PyObject *key = PyObject_CallMethodOneArg(texts, raw, column->name);
    Py_DECREF(texts);
    return key;
}

static PyObject *tested(const Column *column, PyObject *row, PyObject *found) {
    PyObject *value = found != NULL       ? Py_NewRef(found)
                      : column->is_stored ? PyObject_GetItem(row, column->name)
                                          : Py_NewRef(Py_None);
    if (value == NULL) return NULL;
    PyObject *told = PyObject_CallOneArg(column->tests, value);
    Py_DECREF(value);
    if (told != NULL && (!PyBytes_Check(told) || PyBytes_GET_SIZE(told) != column->many)) {
        Py_CLEAR(told);
        refused("not a byte per test");
    }
    return told;
}

/* Per test of a column whether it forbids, bytes that the caller owns. */
static PyObject *told_by(const Column *column, PyObject *row) {
    PyObject *found = PyDict_GetItemWithError(row, column->name);
    if (found == NULL && PyErr_Occurred()) return NULL;
    Py_XINCREF(found);
    PyObject *key = key_of(column, row, found), *told = NULL;
    if (key != NULL) {
        told = PyDict_GetItemWithError(column->kept, key);
        Py_XINCREF(told);
        if (told == NULL && !PyErr_Occurred() && (told = tested(column, row, found)) != NULL) {
            if (PyDict_GET_SIZE(column->kept) >= MOST_KEPT) PyDict_Clear(column->kept);
            if (PyDict_SetItem(column->kept, key, told)) Py_CLEAR(told);
        }
    }
    Py_XDECREF(key);
    Py_XDECREF(found);
    return told;
}

/* Whether a hindrance forbids; ``told`` are what the columns say that were asked. */
static int forbids(const Ranks *own, Known *of, const Hindrance *one, PyObject **told) {
    if (one->kind == ALWAYS) return one->at;
    if (one->kind == BY_RULE) return truth_at(&own->rules, of, one->at) != one->of;
    if (told[one->at] == NULL) told[one->at] = told_by(own->columns + one->at, of->row);
    if (told[one->at] != NULL) return PyBytes_AS_STRING(told[one->at])[one->of];
    of->failed = 1;
    return 0;
}

/* The first hindrance of every action; ``asked`` is room for what was found of each hindrance. */
static void remove_some(const Ranks *own, Known *of, Standing *into, char *asked, PyObject **told) {
    for (Py_ssize_t at = 0; at < own->many && !of->failed; at++) {
        const Action *action = own->actions + at;
        into[at].removed_by = -1;
        for (Py_ssize_t each = 0; each < action->hindered; each++) {
            int place = action->hindrances[each];
            if (!asked[place])
                asked[place] = forbids(own, of, own->hindrances + place, told) ? 2 : 1;
            if (of->failed) return;
            if (asked[place] == 2) {
                into[at].removed_by = place;
                break;
            }
        }
    }
}

static int put_measured(const Ranks *own, Standing *into, PyObject *places, PyObject *measured) {
    PyObject *treated, *held_out;
    if (measured == Py_None) return 0;
    if (!PyTuple_Check(measured) || !PyArg_ParseTuple(measured, "O!O!", &PyList_Type, &treated,
                                                      &PyList_Type, &held_out))
        return PyErr_Occurred() ? -1 : refused("not what a model says");
    Py_ssize_t many = PyList_GET_SIZE(places);
    if (PyList_GET_SIZE(treated) != many || PyList_GET_SIZE(held_out) != many)
        return refused("a model says two numbers of every action");
    for (Py_ssize_t each = 0; each < many; each++) {
        long at = PyLong_AsLong(PyList_GET_ITEM(places, each));
        if (at < 0 || at >= own->many) return refused("no action");
        into[at].treated = PyFloat_AsDouble(PyList_GET_ITEM(treated, each));
        into[at].held_out = PyFloat_AsDouble(PyList_GET_ITEM(held_out, each));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

/* Ask the model about the kept actions that it knows, if there are any. */
static int measure(const Ranks *own, const Known *of, Standing *into) {
    PyObject *places = PyList_New(0);
    int failed = places == NULL;
    for (Py_ssize_t at = 0; at < own->many && !failed; at++) {
        into[at].treated = into[at].held_out = NAN;
        if (into[at].removed_by >= 0 || !own->actions[at].is_taught) continue;
        PyObject *place = PyLong_FromSsize_t(at);
        failed = place == NULL || PyList_Append(places, place);
        Py_XDECREF(place);
    }
    if (!failed && PyList_GET_SIZE(places)) {
        PyObject *asked[] = {of->row, places};
        PyObject *measured = PyObject_Vectorcall(own->measured, asked, 2, NULL);
        failed = measured == NULL || put_measured(own, into, places, measured);
        Py_XDECREF(measured);
    }
    Py_XDECREF(places);
    return failed;
}

static void believe(Standing *of, double *before, double *uplift) {
    double without = *before, by_prior = *uplift;
    of->basis = PRIOR;
    if (!is_finite(of->treated)) return;
    if (is_finite(of->held_out)) {
        of->basis = MODEL;
        *before = of->held_out;
        *uplift = of->treated - of->held_out;
        return;
    }
    of->basis = RESPONSE;
    double converting = without + by_prior;
    *uplift = converting > 0.0 ? of->treated * within(by_prior / converting, 0.0) : 0.0;
    *before = of->treated - *uplift;
}

static void appraise(const Ranks *own, Known *of, const Action *action, double channel,
                     Standing *into) {
    const Rules *rules = &own->rules;
    double before = within(number_at(rules, of, action->conversion), 0.0);
    double uplift = within(number_at(rules, of, action->uplift), -1.0);
    believe(into, &before, &uplift);
    double value = action->value < 0 ? 1.0 : number_at(rules, of, action->value);
    double basket = number_at(rules, of, own->basket), context = 1.0;
    for (Py_ssize_t at = 0; at < action->weighed; at++)
        if (truth_at(rules, of, action->weights[at].rule)) context *= action->weights[at].factor;
    for (Py_ssize_t at = 0; at < action->armed; at++) {
        const Arm *arm = action->arms + at;
        double conversion = within(before + uplift * arm->strength, 0.0);
        double added = own->counts_uplift ? conversion - before : conversion;
        double given =
            own->counts_redemption ? conversion * (arm->discount * basket + arm->reward) : 0.0;
        double expected = added * value * action->margin - action->contact_cost - given;
        expected *= context;
        expected *= channel;
        expected *= action->lever;
        if (at && !(expected > into->expected)) continue;
        into->expected = expected;
        into->treatment = (int)at;
        into->conversion = conversion;
        into->uplift = added;
        into->given = given;
    }
    if (action->is_nothing) into->expected = 0.0;
    into->value = value;
    into->context = context;
    into->channel = channel;
}

/* The weight of an action's channel; -1.0 with an error set. */
static double preferred_of(PyObject *weights, PyObject *channel) {
    PyObject *weight = PyDict_GetItemWithError(weights, channel);
    if (weight == NULL) return PyErr_Occurred() ? -1.0 : 1.0;
    return PyFloat_AsDouble(weight);
}

static int appraise_kept(const Ranks *own, Known *of, Standing *into) {
    PyObject *weights = own->preferred == Py_None ? PyDict_New()
                                                  : PyObject_CallOneArg(own->preferred, of->row);
    if (weights != NULL && !PyDict_Check(weights)) {
        Py_CLEAR(weights);
        refused("weights are by channel");
    }
    if (weights == NULL || measure(own, of, into)) {
        Py_XDECREF(weights);
        return -1;
    }
    for (Py_ssize_t at = 0; at < own->many && !of->failed; at++) {
        if (into[at].removed_by >= 0) continue;
        double channel = preferred_of(weights, own->actions[at].channel);
        of->failed = PyErr_Occurred() != NULL;
        if (!of->failed) appraise(own, of, own->actions + at, channel, into + at);
    }
    Py_DECREF(weights);
    return of->failed ? -1 : 0;
}

static int put_worth(PyObject *worths, Py_ssize_t place, const Standing *of) {
    PyObject *key = PyLong_FromSsize_t(place);
    PyObject *worth = Py_BuildValue("(diidddddd)", of->expected, of->treatment, of->basis,
                                    of->conversion, of->uplift, of->value, of->given, of->context,
                                    of->channel);
    int failed = key == NULL || worth == NULL || PyDict_SetItem(worths, key, worth);
    Py_XDECREF(key);
    Py_XDECREF(worth);
    return failed;
}

/* Why an action is not worth doing; NULL: it is. */
static PyObject *hopeless(const Ranks *own, Py_ssize_t at, const Standing *of) {
    if (!own->gives_up || own->actions[at].is_nothing || of->expected > 0.0) return NULL;
    return of->expected != of->expected ? own->unknown : own->worthless;
}

/* The names of what removed each action, the places of the others, the best first, and worths. */
static PyObject *told(const Ranks *own, const Standing *found, int *order) {
    PyObject *removed = PyList_New(own->many), *worths = PyDict_New(), *places = NULL;
    Py_ssize_t kept = 0;
    int failed = removed == NULL || worths == NULL;
    for (Py_ssize_t at = 0; at < own->many && !failed; at++) {
        const Standing *one = found + at;
        PyObject *why = NULL;
        if (one->removed_by >= 0) why = own->hindrances[one->removed_by].name;
        else {
            failed = put_worth(worths, at, one);
            why = hopeless(own, at, one);
        }
        PyList_SET_ITEM(removed, at, Py_NewRef(why == NULL ? Py_None : why));
        if (why != NULL) continue;
        Py_ssize_t to = kept++;
        while (own->gives_up && to && found[order[to - 1]].expected < one->expected) {
            order[to] = order[to - 1];
            to--;
        }
        order[to] = (int)at;
    }
    if (!failed) places = PyList_New(kept);
    for (Py_ssize_t at = 0; places != NULL && at < kept; at++) {
        PyObject *place = PyLong_FromLong(order[at]);
        if (place != NULL) PyList_SET_ITEM(places, at, place);
        else Py_CLEAR(places);
    }
    PyObject *all = places == NULL ? NULL : PyTuple_Pack(3, removed, places, worths);
    Py_XDECREF(removed);
    Py_XDECREF(places);
    Py_XDECREF(worths);
    return all;
}

PyDoc_STRVAR(of_doc, "of(row): per action the name of what removes it or None, the places of the "
                     "others, the best first, and by place the fields of their worths.");

static PyObject *ranks_of(Ranks *own, PyObject *row) {
    Known known;
    if (!own->is_ready || !known_of(&own->rules, row, &known))
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "there are no actions");
    Standing *found = room(own->many, sizeof(Standing));
    char *asked = room(own->hindered, 1);
    PyObject **columns = room(own->columned, sizeof(PyObject *)), *all = NULL;
    int *order = room(own->many, sizeof(int));
    if (found != NULL && asked != NULL && columns != NULL && order != NULL) {
        remove_some(own, &known, found, asked, columns);
        if (!known.failed && !appraise_kept(own, &known, found)) all = told(own, found, order);
    }
    for (Py_ssize_t at = 0; columns != NULL && at < own->columned; at++) Py_XDECREF(columns[at]);
    PyMem_Free(found);
    PyMem_Free(asked);
    PyMem_Free(columns);
    PyMem_Free(order);
    known_free(&known);
    return all;
}

static PyMethodDef methods[] = {{"of", (PyCFunction)ranks_of, METH_O, of_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.ranks.Ranks",
    .tp_basicsize = sizeof(Ranks),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)ranks_init,
    .tp_dealloc = (destructor)ranks_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "ranks", .m_size = -1};

PyMODINIT_FUNC PyInit_ranks(void) {
    static const Named functions[] = {{0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
