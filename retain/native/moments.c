/* Moments as answers tell them: services.single_objects.told in C. */
#include "kernels.h"

#define SECOND 1000000LL
#define DAY (86400 * SECOND)
#define FIRST (-62135596800LL * SECOND) /* the year 1 */
#define LAST 253402300800LL * SECOND    /* the year 10000 */

static void digits(char *into, int many, long long value) {
    for (; many--; value /= 10) into[many] = (char)('0' + value % 10);
}

/* Year, month and day of days since 1970: "days from civil" backwards, by Howard Hinnant,
 * https://howardhinnant.github.io/date_algorithms.html */
static void date(char *into, long long days) {
    days += 719468;
    long long era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    long long year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    long long of_year = of_era - (365 * year + year / 4 - year / 100);
    long long from_march = (5 * of_year + 2) / 153;
    long long month = from_march < 10 ? from_march + 3 : from_march - 9;
    digits(into, 4, year + era * 400 + (month <= 2));
    digits(into + 5, 2, month);
    digits(into + 8, 2, of_year - (153 * from_march + 2) / 5 + 1);
}

PyDoc_STRVAR(told_doc, "told(moment): epoch microseconds as ISO 8601 in UTC.");

static PyObject *told(PyObject *module, PyObject *given) {
    (void)module;
    long long moment = PyLong_AsLongLong(given);
    if (moment == -1 && PyErr_Occurred()) return NULL;
    if (moment < FIRST || moment >= LAST)
        return PyErr_Format(PyExc_OverflowError, "date value out of range");
    long long days = moment / DAY, rest = moment % DAY;
    if (rest < 0) days--, rest += DAY;
    char text[] = "0000-00-00T00:00:00.000000Z";
    date(text, days);
    digits(text + 11, 2, rest / (3600 * SECOND));
    digits(text + 14, 2, rest / (60 * SECOND) % 60);
    digits(text + 17, 2, rest / SECOND % 60);
    if (rest % SECOND) {
        digits(text + 20, 6, rest % SECOND);
        return PyUnicode_FromStringAndSize(text, 27);
    }
    text[19] = 'Z';
    return PyUnicode_FromStringAndSize(text, 20);
}

static PyMethodDef functions[] = {{"told", told, METH_O, told_doc}, {NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "moments", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit_moments(void) {
    static const Named none[] = {{0}};
    import_array();
    return module_of(&definition, none, NULL);
}
